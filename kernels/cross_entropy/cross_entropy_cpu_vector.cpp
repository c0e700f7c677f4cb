// SPDX-License-Identifier: Apache-2.0
// Rows in parallel; log-sum-exp again in the backward pass, so that nothing is kept between the two.
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/simd_math.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

float log_sum_exp_row(const float* x, int C) {
  f32x16 top = broadcast(x[0]);
  vectors_of(0, C, [&](int64_t c, auto at) { top = max(at.keep(at.get(x + c), top), top); });
  const float most = max_lane(top);
  f32x16 total = zero();
  vectors_of(0, C, [&](int64_t c, auto at) { total = total + at.keep(exp(at.get(x + c) - broadcast(most)), zero()); });
  return most + log1(sum(total));
}

}  // namespace

void cross_entropy_fwd_cpu_vector(const CrossEntropyDims& d, const float* logits, const float* targets,
                                  const float* class_weight, float* loss, float* weight_sum, Stream) {
  for_each_row(d.rows, d.C, [&](int64_t r) {
    const float *x = logits + r * d.C, *t = targets + r * d.C;
    const f32x16 lse = broadcast(d.C > 0 ? log_sum_exp_row(x, d.C) : 0.0f);
    f32x16 total = zero(), weights = zero();
    vectors_of(0, d.C, [&](int64_t c, auto at) {
      const f32x16 wt = class_weight ? at.get(class_weight + c) * at.get(t + c) : at.get(t + c);
      total = fma(wt, lse - at.get(x + c), total);
      weights = weights + wt;
    });
    loss[r] = sum(total);
    weight_sum[r] = sum(weights);
  });
}

void cross_entropy_bwd_cpu_vector(const CrossEntropyDims& d, const float* logits, const float* targets,
                                  const float* class_weight, const float* dloss, float* dlogits, Stream) {
  if (d.C == 0) return;
  for_each_row(d.rows, d.C, [&](int64_t r) {
    const float *x = logits + r * d.C, *t = targets + r * d.C;
    const f32x16 lse = broadcast(log_sum_exp_row(x, d.C)), dl = broadcast(dloss[r]);
    const auto weighted = [&](int64_t c, auto at) {
      return class_weight ? at.get(class_weight + c) * at.get(t + c) : at.get(t + c);
    };
    f32x16 weights = zero();
    vectors_of(0, d.C, [&](int64_t c, auto at) { weights = weights + weighted(c, at); });
    const f32x16 all = broadcast(sum(weights));
    vectors_of(0, d.C, [&](int64_t c, auto at) {
      const f32x16 p = exp(at.get(x + c) - lse);
      at.put(dlogits + r * d.C + c, dl * fma(p, all, -weighted(c, at)));
    });
  });
}

}  // namespace limbic::LIMBIC_ISA
