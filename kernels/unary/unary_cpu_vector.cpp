// SPDX-License-Identifier: Apache-2.0
#include "kernels/simd_math.h"
#include "kernels/unary/unary.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

template <class T, class F>
void map(int64_t n, const T* x, T* y, const F& f) {
  for_each_vector(n, [&](int64_t i, auto at) { at.put(y + i, f(at.get(x + i))); });
}

/// dx = f(saved, dy), where saved is what the forward kept: x or y.
template <class F>
void map2(int64_t n, const float* saved, const float* dy, float* dx, const F& f) {
  for_each_vector(n, [&](int64_t i, auto at) { at.put(dx + i, f(at.get(saved + i), at.get(dy + i))); });
}

template <class T>
void forward(const UnaryDims& d, const T* x, T* y) {
  const f32x16 alpha = broadcast(d.alpha);
  const auto all = [&](const auto& f) { map(d.n, x, y, f); };
  switch (d.kind) {
    case Unary::relu:
      return all([](f32x16 v) { return max(zero(), v); });
    case Unary::leaky_relu:
      return all([=](f32x16 v) { return select(v > zero(), v, alpha * v); });
    case Unary::elu:
      return all([=](f32x16 v) { return select(v > zero(), v, alpha * expm1_negative(min(zero(), v))); });
    case Unary::sigmoid:
      return all([](f32x16 v) { return sigmoid(v); });
    case Unary::tanh:
      return all([](f32x16 v) { return tanh(v); });
    case Unary::exp:
      return all([](f32x16 v) { return exp(v); });
    case Unary::log:
      return all([](f32x16 v) { return log(v); });
    case Unary::sqrt:
      return all([](f32x16 v) { return sqrt(v); });
    case Unary::square:
      return all([](f32x16 v) { return v * v; });
    case Unary::neg:
      return all([](f32x16 v) { return -v; });
    case Unary::abs:
      return all([](f32x16 v) { return abs(v); });
  }
}

}  // namespace

void unary_fwd_cpu_vector(const UnaryDims& d, const float* x, float* y, Stream) { forward(d, x, y); }
void unary_fwd_cpu_vector(const UnaryDims& d, const bf16* x, bf16* y, Stream) { forward(d, x, y); }

void unary_bwd_cpu_vector(const UnaryDims& d, const float* x, const float* y, const float* dy, float* dx, Stream) {
  const f32x16 alpha = broadcast(d.alpha);
  const auto from = [&](const float* saved, const auto& f) { map2(d.n, saved, dy, dx, f); };
  const f32x16 one = broadcast(1.0f), two = broadcast(2.0f);
  switch (d.kind) {
    case Unary::relu:
      return from(y, [](f32x16 v, f32x16 g) { return select(v > zero(), g, zero()); });
    case Unary::leaky_relu:
      return from(x, [=](f32x16 v, f32x16 g) { return select(v > zero(), g, alpha * g); });
    case Unary::elu:
      return from(y, [=](f32x16 v, f32x16 g) { return select(v > zero(), g, g * (v + alpha)); });
    case Unary::sigmoid:
      return from(y, [=](f32x16 v, f32x16 g) { return g * v * (one - v); });
    case Unary::tanh:
      return from(y, [=](f32x16 v, f32x16 g) { return g * negative_fma(v, v, one); });
    case Unary::exp:
      return from(y, [](f32x16 v, f32x16 g) { return g * v; });
    case Unary::log:
      return from(x, [](f32x16 v, f32x16 g) { return g / v; });
    case Unary::sqrt:
      return from(y, [=](f32x16 v, f32x16 g) { return g / (two * v); });
    case Unary::square:
      return from(x, [=](f32x16 v, f32x16 g) { return two * v * g; });
    case Unary::neg:
      return from(dy, [](f32x16, f32x16 g) { return -g; });
    case Unary::abs:
      return from(x, [](f32x16 v, f32x16 g) { return select(v > zero(), g, select(v < zero(), -g, zero())); });
  }
}

}  // namespace limbic::LIMBIC_ISA
