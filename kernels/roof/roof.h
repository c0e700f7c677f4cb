// SPDX-License-Identifier: Apache-2.0
// The physical limit of this machine, measured: what no kernel can beat.
#pragma once
#include <cstdint>

#include "kernels/isa.h"

namespace limbic {

struct Roof {
  double gflops = 0;  ///< multiply-adds in f32 (fused where the instruction set has that), all threads, counted as two
  double gbytes = 0;  ///< GB/s read from memory, all threads
};
Roof measure_roof();  ///< with the instruction set in force; about half a second

/// `rounds` rounds of independent fused multiply-adds in registers; returns their sum, and in `flop` how many
/// operations.
using FmaRounds = float(int64_t rounds, double* flop);
/// Sum of n floats, read once.
using ReadAll = float(const float* x, int64_t n);
LIMBIC_EACH_ISA(FmaRounds roof_fma; ReadAll roof_read;)

}  // namespace limbic
