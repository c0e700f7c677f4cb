// SPDX-License-Identifier: Apache-2.0
// Idea: one thread a weight.
// Changed from v0: the loop over n is the grid.
// Why faster: one pass over memory, 20 bytes a weight with momentum.
// Limited by: memory bandwidth for large tensors, the launch for the many small ones of a network.
// Next: many tensors in one launch, as adam's v2.
#include "kernels/gpu.h"
#include "kernels/sgd/sgd.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void sgd_step_v1(int64_t n, SgdRate now, const SgdRate* of_step, float momentum, float decay, bool nesterov,
                            float* w, const float* g, float* velocity) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const SgdRate rate = of_step ? *of_step : now;
  float gradient = g[i] * rate.grad_scale + decay * w[i];
  if (velocity) {
    const float v = momentum * velocity[i] + gradient;
    velocity[i] = v;
    gradient = nesterov ? gradient + momentum * v : v;
  }
  w[i] -= rate.lr * gradient;
}

void sgd_step_v1_naive(const SgdDims& d, float* w, const float* g, float* velocity, Stream stream) {
  const SgdRate rate{static_cast<float>(d.lr), d.grad_scale};
  LAUNCH(sgd_step_v1, (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d.n, rate, d.of_step,
         static_cast<float>(d.momentum), static_cast<float>(d.weight_decay), d.nesterov, w, g, velocity);
}

}  // namespace limbic::LIMBIC_DEVICE
