// SPDX-License-Identifier: Apache-2.0
// The functions themselves, for every CUDA rung. `kind` is the same in all threads: the branch diverges nowhere.
#pragma once
#include "kernels/gpu.h"
#include "kernels/unary/unary.h"

namespace limbic::LIMBIC_DEVICE {

__device__ inline float unary_value(Unary kind, float alpha, float v) {
  switch (kind) {
    case Unary::relu:
      return v < 0 ? 0.0f : v;  // a NaN stays one
    case Unary::leaky_relu:
      return v > 0 ? v : alpha * v;
    case Unary::elu:
      return v > 0 ? v : alpha * expm1f(v);
    case Unary::sigmoid:
      return 1 / (1 + expf(-v));
    case Unary::tanh:
      return tanhf(v);
    case Unary::exp:
      return expf(v);
    case Unary::log:
      return logf(v);
    case Unary::sqrt:
      return sqrtf(v);
    case Unary::square:
      return v * v;
    case Unary::neg:
      return -v;
    case Unary::abs:
      return fabsf(v);
  }
  return 0;
}

/// dx from dy and what unary_saved() chose.
__device__ inline float unary_slope(Unary kind, float alpha, float saved, float g) {
  switch (kind) {
    case Unary::relu:
      return saved > 0 ? g : 0.0f;
    case Unary::leaky_relu:
      return saved > 0 ? g : alpha * g;
    case Unary::elu:
      return saved > 0 ? g : g * (saved + alpha);  // alpha * exp(x) = y + alpha
    case Unary::sigmoid:
      return g * saved * (1 - saved);
    case Unary::tanh:
      return g * (1 - saved * saved);
    case Unary::exp:
      return g * saved;
    case Unary::log:
      return g / saved;
    case Unary::sqrt:
      return g / (2 * saved);
    case Unary::square:
      return 2 * saved * g;
    case Unary::neg:
      return -g;
    case Unary::abs:
      return saved > 0 ? g : saved < 0 ? -g : 0.0f;
  }
  return 0;
}

/// x or y, whichever the derivative of `kind` is written in; dy where it needs neither.
template <class T>
const T* unary_saved(Unary kind, const T* x, const T* y, const T* dy) {
  switch (kind) {
    case Unary::relu:
    case Unary::elu:
    case Unary::sigmoid:
    case Unary::tanh:
    case Unary::exp:
    case Unary::sqrt:
      return y;
    case Unary::neg:
      return dy;
    default:
      return x;
  }
}

}  // namespace limbic::LIMBIC_DEVICE
