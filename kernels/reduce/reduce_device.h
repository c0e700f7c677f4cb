// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/gpu_sum.h"
#include "kernels/reduce/reduce.h"

namespace limbic::LIMBIC_DEVICE {

/// A candidate for the maximum. The first of equals wins, a NaN wins over numbers, the first NaN over all.
struct Top {
  float value;
  int index;
  __device__ bool beats(const Top& other) const {
    const bool nan = value != value, other_nan = other.value != other.value;
    if (nan != other_nan) return nan;
    if (nan || value == other.value) return index < other.index;
    return value > other.value;
  }
};

}  // namespace limbic::LIMBIC_DEVICE
