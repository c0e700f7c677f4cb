// SPDX-License-Identifier: Apache-2.0
// bfloat16: the upper half of a float.
#pragma once
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// Rounds to the nearest of 8 significant bits, ties to even; a NaN stays one.
__device__ inline uint16_t to_bf16(float x) {
  const uint32_t bits = __float_as_uint(x);
  if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace limbic::LIMBIC_DEVICE
