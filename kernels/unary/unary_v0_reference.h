// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "kernels/unary/unary.h"

namespace limbic {

template <class T>
void unary_fwd_v0_reference(const UnaryDims& d, const T* x, T* y, Stream) {
  using F = Wide<T>;
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < d.n; ++i) y[i] = stored_as<T>(f(widen(x[i])));
  };
  const F alpha = d.alpha;
  switch (d.kind) {
    case Unary::relu:
      return map([](F v) { return v < 0 ? F(0) : v; });  // a NaN stays one
    case Unary::leaky_relu:
      return map([=](F v) { return v > 0 ? v : alpha * v; });
    case Unary::elu:
      return map([=](F v) { return v > 0 ? v : alpha * std::expm1(v); });
    case Unary::sigmoid:
      return map([](F v) { return 1 / (1 + std::exp(-v)); });
    case Unary::tanh:
      return map([](F v) { return std::tanh(v); });
    case Unary::exp:
      return map([](F v) { return std::exp(v); });
    case Unary::log:
      return map([](F v) { return std::log(v); });
    case Unary::sqrt:
      return map([](F v) { return std::sqrt(v); });
    case Unary::square:
      return map([](F v) { return v * v; });
    case Unary::neg:
      return map([](F v) { return -v; });
    case Unary::abs:
      return map([](F v) { return std::abs(v); });
  }
}

template <class T>
void unary_bwd_v0_reference(const UnaryDims& d, const T* x, const T* y, const T* dy, T* dx, Stream) {
  const auto from = [&](const T* saved, auto f) {
    for (int64_t i = 0; i < d.n; ++i) dx[i] = f(saved[i], dy[i]);
  };
  const T alpha = d.alpha;
  switch (d.kind) {
    case Unary::relu:
      return from(y, [](T v, T g) { return v > 0 ? g : T(0); });
    case Unary::leaky_relu:
      return from(x, [=](T v, T g) { return v > 0 ? g : alpha * g; });
    case Unary::elu:
      return from(y, [=](T v, T g) { return v > 0 ? g : g * (v + alpha); });  // alpha*exp(x) = y + alpha
    case Unary::sigmoid:
      return from(y, [](T v, T g) { return g * v * (1 - v); });
    case Unary::tanh:
      return from(y, [](T v, T g) { return g * (1 - v * v); });
    case Unary::exp:
      return from(y, [](T v, T g) { return g * v; });
    case Unary::log:
      return from(x, [](T v, T g) { return g / v; });
    case Unary::sqrt:
      return from(y, [](T v, T g) { return g / (2 * v); });
    case Unary::square:
      return from(x, [](T v, T g) { return 2 * v * g; });
    case Unary::neg:
      return from(dy, [](T, T g) { return -g; });
    case Unary::abs:
      return from(x, [](T v, T g) { return v > 0 ? g : v < 0 ? -g : T(0); });
  }
}

}  // namespace limbic
