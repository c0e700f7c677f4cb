// SPDX-License-Identifier: Apache-2.0
// Rows in parallel; within a row lane c % 16 sums the terms of class c, then a fixed tree adds the lanes.
#include "kernels/simd_math.h"
#include "kernels/softmax/softmax.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

void forward_row(const SoftmaxDims& d, const float* x, float* y) {
  f32x16 top = broadcast(x[0]);
  vectors_of(0, d.C, [&](int64_t c, auto at) { top = max(at.keep(at.get(x + c), top), top); });
  const f32x16 most = broadcast(max_lane(top));
  f32x16 total = zero();
  vectors_of(0, d.C, [&](int64_t c, auto at) {
    const f32x16 shifted = at.get(x + c) - most, e = exp(shifted);
    total = total + at.keep(e, zero());
    at.put(y + c, d.log ? shifted : e);
  });
  const float all = sum(total);
  if (d.log) {
    const f32x16 log_all = broadcast(log1(all));
    vectors_of(0, d.C, [&](int64_t c, auto at) { at.put(y + c, at.get(y + c) - log_all); });
  } else {
    const f32x16 scale = broadcast(1.0f / all);
    vectors_of(0, d.C, [&](int64_t c, auto at) { at.put(y + c, at.get(y + c) * scale); });
  }
}

void backward_row(const SoftmaxDims& d, const float* y, const float* dy, float* dx) {
  f32x16 total = zero();
  if (d.log) {
    vectors_of(0, d.C, [&](int64_t c, auto at) { total = total + at.get(dy + c); });
    const f32x16 all = broadcast(sum(total));
    vectors_of(0, d.C,
               [&](int64_t c, auto at) { at.put(dx + c, negative_fma(exp(at.get(y + c)), all, at.get(dy + c))); });
  } else {
    vectors_of(0, d.C, [&](int64_t c, auto at) { total = fma(at.get(dy + c), at.get(y + c), total); });
    const f32x16 all = broadcast(sum(total));
    vectors_of(0, d.C, [&](int64_t c, auto at) { at.put(dx + c, at.get(y + c) * (at.get(dy + c) - all)); });
  }
}

}  // namespace

void softmax_fwd_cpu_vector(const SoftmaxDims& d, const float* x, float* y, Stream) {
  if (d.C > 0) for_each_row(d.rows, d.C, [&](int64_t r) { forward_row(d, x + r * d.C, y + r * d.C); });
}

void softmax_bwd_cpu_vector(const SoftmaxDims& d, const float* y, const float* dy, float* dx, Stream) {
  for_each_row(d.rows, d.C, [&](int64_t r) { backward_row(d, y + r * d.C, dy + r * d.C, dx + r * d.C); });
}

}  // namespace limbic::LIMBIC_ISA
