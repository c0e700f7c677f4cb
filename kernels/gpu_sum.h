// SPDX-License-Identifier: Apache-2.0
// Sums that keep their bits: the order depends on the shape alone.
#pragma once
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

constexpr unsigned whole_warp = 0xffffffffu;

/// A long sum of one thread: 256 terms at a time in f32, those sums in double.
struct LongSum {
  float part = 0;
  int terms = 0;
  double total = 0;
  __device__ void add(float term) {
    part += term;
    if (++terms < 256) return;
    total += part;
    part = 0, terms = 0;
  }
  __device__ double value() const { return total + part; }
};

/// All 32 lanes get the sum of theirs, added as a tree.
template <class T>
__device__ T warp_sum(T value) {
  for (int bits = 16; bits; bits /= 2) value += __shfl_xor_sync(whole_warp, value, bits);
  return value;
}

__device__ inline float warp_max(float value) {
  for (int bits = 16; bits; bits /= 2) value = fmaxf(value, __shfl_xor_sync(whole_warp, value, bits));
  return value;
}

}  // namespace limbic::LIMBIC_DEVICE
