// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor, element by element.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

enum class Unary { relu, leaky_relu, elu, sigmoid, tanh, exp, log, sqrt, square, neg, abs };

struct UnaryDims {
  int64_t n;
  Unary kind;
  float alpha = 0;  ///< leaky_relu: the slope below 0; elu: alpha * (exp(x) - 1) below 0
};

/// y may be x.
template <class T>  // float or bf16: how all of them are stored
using UnaryForwardOf = void(const UnaryDims&, const T* x, T* y, Stream);
using UnaryForward = UnaryForwardOf<float>;

/// Overwrites dx, which may be dy. Only x or y is read, the other may be null: relu, elu, sigmoid, tanh, exp, sqrt read
/// y; leaky_relu, log, square, abs read x; neg reads neither.
template <class T>
using UnaryBackwardOf = void(const UnaryDims&, const T* x, const T* y, const T* dy, T* dx, Stream);
using UnaryBackward = UnaryBackwardOf<float>;

std::span<const Rung<UnaryDims, UnaryForward>> unary_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<UnaryDims, UnaryForwardOf<bf16>>> unary_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<UnaryDims, UnaryBackward>> unary_bwd_rungs(StoredAs<float> = {});
std::span<const Rung<UnaryDims, UnaryBackwardOf<bf16>>> unary_bwd_rungs(StoredAs<bf16>);

}  // namespace limbic
