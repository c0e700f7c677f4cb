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

using SumSquares = void(const SumSquaresDims&, const float* x, float* out /*[1]*/, float* scratch, Stream);

std::span<const Rung<SumSquaresDims, SumSquares>> sum_squares_fwd_rungs();

}  // namespace limbic
