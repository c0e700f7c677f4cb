// SPDX-License-Identifier: Apache-2.0
// The sum of squares of a tensor: gradient clipping, and the norms that the tape prints.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct SumSquaresDims {
  int64_t n;
};

constexpr int64_t sum_squares_block = 4096;  ///< elements summed in f32 by the SIMD rung, one scratch float each

[[gnu::always_inline]] inline size_t sum_squares_scratch(const SumSquaresDims& d) {
  return static_cast<size_t>((d.n + sum_squares_block - 1) / sum_squares_block);
}

using SumSquares = void(const SumSquaresDims&, const float* x, float* out /*[1]*/, float* scratch, Stream);

std::span<const Rung<SumSquaresDims, SumSquares>> sum_squares_fwd_rungs();

}  // namespace limbic
