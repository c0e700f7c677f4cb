// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element.
// Changed from v0: the loop over n is the grid.
// Why faster: neighbouring threads read neighbouring floats; 12 bytes an element forward, 16 backward.
// Limited by: the launch: a batch has a few thousand probabilities.
// Next: nothing alone; the loss could end the layer before it.
#include "kernels/bce/bce.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void bce_fwd_v1(BceDims d, const float* p, const float* target, float* loss) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.n) return;
  const float log_p = fmaxf(logf(p[i]), -100.0f), log_q = fmaxf(log1pf(-p[i]), -100.0f);
  loss[i] = -(target[i] * log_p + (1 - target[i]) * log_q);
}

__global__ void bce_bwd_v1(BceDims d, const float* p, const float* target, const float* dloss, float* dp) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.n) return;
  dp[i] = dloss[i] * (p[i] - target[i]) / fmaxf(p[i] * (1 - p[i]), 1e-12f);
}

void bce_fwd_v1_naive(const BceDims& d, const float* p, const float* target, float* loss, Stream stream) {
  LAUNCH(bce_fwd_v1, (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d, p, target, loss);
}

void bce_bwd_v1_naive(const BceDims& d, const float* p, const float* target, const float* dloss, float* dp,
                      Stream stream) {
  LAUNCH(bce_bwd_v1, (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d, p, target, dloss, dp);
}

}  // namespace limbic::LIMBIC_DEVICE
