// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor, element by element.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

enum class Unary { relu, leaky_relu, elu, sigmoid, tanh, exp, log, sqrt, square, neg, abs };

struct UnaryDims {
  int64_t n;
  Unary kind;
  float alpha = 0;  ///< leaky_relu: the slope below 0; elu: alpha * (exp(x) - 1) below 0
};

/// y may be x.
using UnaryForward = void(const UnaryDims&, const float* x, float* y, Stream);

/// Overwrites dx, which may be dy. Only x or y is read, the other may be null: relu, elu, sigmoid, tanh, exp, sqrt read
/// y; leaky_relu, log, square, abs read x; neg reads neither.
using UnaryBackward = void(const UnaryDims&, const float* x, const float* y, const float* dy, float* dx, Stream);

std::span<const Rung<UnaryDims, UnaryForward>> unary_fwd_rungs();
std::span<const Rung<UnaryDims, UnaryBackward>> unary_bwd_rungs();

}  // namespace limbic
