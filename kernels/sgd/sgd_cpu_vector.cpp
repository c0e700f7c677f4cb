// SPDX-License-Identifier: Apache-2.0
#include "kernels/sgd/sgd.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {

void sgd_step_cpu_vector(const SgdDims& d, float* w, const float* g, float* velocity, Stream) {
  const f32x16 lr = broadcast(static_cast<float>(d.lr)), momentum = broadcast(static_cast<float>(d.momentum));
  const f32x16 decay = broadcast(static_cast<float>(d.weight_decay)), scale = broadcast(d.grad_scale);
  for_each_vector(d.n, [&](int64_t i, auto at) {
    const f32x16 weight = at.get(w + i);
    f32x16 gradient = fma(decay, weight, at.get(g + i) * scale);
    if (velocity) {
      const f32x16 speed = fma(momentum, at.get(velocity + i), gradient);
      at.put(velocity + i, speed);
      gradient = d.nesterov ? fma(momentum, speed, gradient) : speed;
    }
    at.put(w + i, negative_fma(lr, gradient, weight));
  });
}

}  // namespace limbic::LIMBIC_ISA
