// SPDX-License-Identifier: Apache-2.0
// Idea: a warp a row; its sums and its maximum go over shuffles.
// Changed from v1: 32 neighbouring classes are read by 32 threads; the last step of each sum needs no memory.
// Why faster: every byte of a request is used, and there are 32 times as many threads.
// Limited by: the launch: the logits of a batch are a few KiB.
// Next: nothing alone; it could end the linear layer before it.
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/gpu_sum.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int entropy_rows = 4;  // warps, and rows, a block

/// log(sum_c exp(x[c])) of the warp's row.
__device__ inline float warp_log_sum_exp(const float* x, int C, int lane) {
  float top = -INFINITY;
  for (int c = lane; c < C; c += 32) top = fmaxf(top, x[c]);
  top = warp_max(top);
  LongSum own;
  for (int c = lane; c < C; c += 32) own.add(expf(x[c] - top));
  return top + logf(static_cast<float>(warp_sum(own.value())));
}

__global__ void __launch_bounds__(entropy_rows * 32)
    cross_entropy_fwd_v2(CrossEntropyDims d, const float* logits, const float* targets, const float* class_weight,
                         float* loss, float* weight_sum) {
  const int64_t r = int64_t{blockIdx.x} * entropy_rows + threadIdx.x / 32;
  if (r >= d.rows) return;  // whole warps
  const int lane = threadIdx.x % 32;
  logits += r * d.C, targets += r * d.C;
  const float lse = warp_log_sum_exp(logits, d.C, lane);
  LongSum own, own_weights;
  for (int c = lane; c < d.C; c += 32) {
    const float wt = class_weight ? class_weight[c] * targets[c] : targets[c];
    own.add(wt * (lse - logits[c]));
    own_weights.add(wt);
  }
  const double total = warp_sum(own.value());
  const double weights = warp_sum(own_weights.value());
  if (lane) return;
  loss[r] = static_cast<float>(total);
  weight_sum[r] = static_cast<float>(weights);
}

__global__ void __launch_bounds__(entropy_rows * 32)
    cross_entropy_bwd_v2(CrossEntropyDims d, const float* logits, const float* targets, const float* class_weight,
                         const float* dloss, float* dlogits) {
  const int64_t r = int64_t{blockIdx.x} * entropy_rows + threadIdx.x / 32;
  if (r >= d.rows) return;
  const int lane = threadIdx.x % 32;
  logits += r * d.C, targets += r * d.C, dlogits += r * d.C;
  const float lse = warp_log_sum_exp(logits, d.C, lane);
  LongSum own;
  for (int c = lane; c < d.C; c += 32) own.add(class_weight ? class_weight[c] * targets[c] : targets[c]);
  const float weights = static_cast<float>(warp_sum(own.value()));
  for (int c = lane; c < d.C; c += 32) {
    const float wt = class_weight ? class_weight[c] * targets[c] : targets[c];
    dlogits[c] = dloss[r] * (expf(logits[c] - lse) * weights - wt);
  }
}

void cross_entropy_fwd_v2_warp(const CrossEntropyDims& d, const float* logits, const float* targets,
                               const float* class_weight, float* loss, float* weight_sum, Stream stream) {
  const Grid grid{.blocks = blocks_for(d.rows, entropy_rows), .threads = entropy_rows * 32, .stream = stream};
  LAUNCH(cross_entropy_fwd_v2, grid, d, logits, targets, class_weight, loss, weight_sum);
}

void cross_entropy_bwd_v2_warp(const CrossEntropyDims& d, const float* logits, const float* targets,
                               const float* class_weight, const float* dloss, float* dlogits, Stream stream) {
  const Grid grid{.blocks = blocks_for(d.rows, entropy_rows), .threads = entropy_rows * 32, .stream = stream};
  LAUNCH(cross_entropy_bwd_v2, grid, d, logits, targets, class_weight, dloss, dlogits);
}

}  // namespace limbic::LIMBIC_DEVICE
