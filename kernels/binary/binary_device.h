// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/binary/binary.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

__device__ inline float binary_value(Binary kind, float u, float v) {
  switch (kind) {
    case Binary::add:
      return u + v;
    case Binary::sub:
      return u - v;
    case Binary::mul:
      return u * v;
    case Binary::div:
      return u / v;
    case Binary::max:
      return u > v || u != u ? u : v;
  }
  return 0;
}

/// The part of g that goes to the left input, or to the right one. add and sub read neither.
template <bool left>
__device__ float binary_slope(Binary kind, const float* u, const float* v, float g) {
  switch (kind) {
    case Binary::add:
      return g;
    case Binary::sub:
      return left ? g : -g;
    case Binary::mul:
      return g * (left ? *v : *u);
    case Binary::div:
      return left ? g / *v : -g * *u / (*v * *v);
    case Binary::max: {
      const float share = *u == *v ? 0.5f : *u > *v ? 1.0f : 0.0f;
      return g * (left ? share : 1 - share);
    }
  }
  return 0;
}

}  // namespace limbic::LIMBIC_DEVICE
