// SPDX-License-Identifier: Apache-2.0
// One pass over w, g, m, v (and vmax): memory bandwidth is the limit, 28 bytes a parameter (36 with AMSGrad).
#include "kernels/adam/adam.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

template <bool decoupled, bool amsgrad>
void step(const AdamDims& d, float* w, const float* g, float* m, float* v, float* vmax) {
  const double correct1 = 1 - power(d.beta1, d.step), correct2 = 1 - power(d.beta2, d.step);
  const f32x16 step_size = broadcast(static_cast<float>(d.lr / correct1));
  const f32x16 root2 = broadcast(static_cast<float>(1 / __builtin_sqrt(correct2)));
  const f32x16 eps = broadcast(static_cast<float>(d.eps)), scale = broadcast(d.grad_scale);
  const f32x16 beta2 = broadcast(static_cast<float>(d.beta2));
  const f32x16 rest1 = broadcast(static_cast<float>(1 - d.beta1)), rest2 = broadcast(static_cast<float>(1 - d.beta2));
  const f32x16 decay = broadcast(static_cast<float>(decoupled ? 1 - d.lr * d.weight_decay : d.weight_decay));
  for_each_vector(d.n, [&](int64_t i, auto at) {
    f32x16 weight = at.get(w + i), gradient = at.get(g + i) * scale;
    if constexpr (decoupled) {
      weight = weight * decay;
    } else {
      gradient = fma(decay, weight, gradient);
    }
    const f32x16 m0 = at.get(m + i), m1 = fma(rest1, gradient - m0, m0);
    const f32x16 v1 = fma(rest2, gradient * gradient, beta2 * at.get(v + i));
    f32x16 largest = v1;
    if constexpr (amsgrad) {
      largest = max(at.get(vmax + i), v1);
      at.put(vmax + i, largest);
    }
    at.put(m + i, m1);
    at.put(v + i, v1);
    at.put(w + i, negative_fma(step_size, m1 / fma(sqrt(largest), root2, eps), weight));
  });
}

}  // namespace

void adam_step_cpu_vector(const AdamDims& d, float* w, const float* g, float* m, float* v, float* vmax, Stream) {
  if (d.decoupled) {
    d.amsgrad ? step<true, true>(d, w, g, m, v, vmax) : step<true, false>(d, w, g, m, v, vmax);
  } else {
    d.amsgrad ? step<false, true>(d, w, g, m, v, vmax) : step<false, false>(d, w, g, m, v, vmax);
  }
}

void adam_many_cpu_vector(const AdamDims& d, const AdamTensor* tensors, int count, Stream stream) {
  for (const AdamTensor* t = tensors; t < tensors + count; ++t) {
    AdamDims own = d;
    own.n = t->n;
    adam_step_cpu_vector(own, t->w, t->g, t->m, t->v, t->vmax, stream);
  }
}

}  // namespace limbic::LIMBIC_ISA
