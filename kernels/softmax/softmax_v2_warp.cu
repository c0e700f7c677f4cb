// SPDX-License-Identifier: Apache-2.0
// Idea: a warp a row; maximum and sum by shuffles, without shared memory or barriers.
// Changed from v1: lane l takes classes l, l + 32, ...
// Why faster: a request of a warp is 128 neighbouring bytes; the row's second and third pass hit the L1 cache.
// Limited by: memory bandwidth, 8 bytes an element, while a row stays in L1; long rows have only 32 threads.
// Next: v3 gives a long row to a block.
#include "kernels/gpu_sum.h"
#include "kernels/softmax/softmax.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int softmax_rows_a_block = 4;

__global__ void __launch_bounds__(softmax_rows_a_block * 32) softmax_fwd_v2(SoftmaxDims d, const float* x, float* y) {
  const int64_t r = int64_t{blockIdx.x} * softmax_rows_a_block + threadIdx.x / 32;
  if (r >= d.rows) return;  // whole warps
  const int lane = threadIdx.x % 32;
  x += r * d.C, y += r * d.C;
  float top = -INFINITY;
  for (int c = lane; c < d.C; c += 32) top = fmaxf(top, x[c]);
  top = warp_max(top);
  LongSum own;
  for (int c = lane; c < d.C; c += 32) own.add(expf(x[c] - top));
  const float all = static_cast<float>(warp_sum(own.value()));
  const float log_all = logf(all);
  for (int c = lane; c < d.C; c += 32) y[c] = d.log ? x[c] - top - log_all : expf(x[c] - top) / all;
}

__global__ void __launch_bounds__(softmax_rows_a_block * 32)
    softmax_bwd_v2(SoftmaxDims d, const float* y, const float* dy, float* dx) {
  const int64_t r = int64_t{blockIdx.x} * softmax_rows_a_block + threadIdx.x / 32;
  if (r >= d.rows) return;
  const int lane = threadIdx.x % 32;
  y += r * d.C, dy += r * d.C, dx += r * d.C;
  LongSum own;
  for (int c = lane; c < d.C; c += 32) own.add(d.log ? dy[c] : dy[c] * y[c]);
  const float all = static_cast<float>(warp_sum(own.value()));
  for (int c = lane; c < d.C; c += 32) dx[c] = d.log ? dy[c] - expf(y[c]) * all : y[c] * (dy[c] - all);
}

void softmax_fwd_v2_warp(const SoftmaxDims& d, const float* x, float* y, Stream stream) {
  LAUNCH(
      softmax_fwd_v2,
      (Grid{
          .blocks = blocks_for(d.rows, softmax_rows_a_block), .threads = softmax_rows_a_block * 32, .stream = stream}),
      d, x, y);
}

void softmax_bwd_v2_warp(const SoftmaxDims& d, const float* y, const float* dy, float* dx, Stream stream) {
  LAUNCH(
      softmax_bwd_v2,
      (Grid{
          .blocks = blocks_for(d.rows, softmax_rows_a_block), .threads = softmax_rows_a_block * 32, .stream = stream}),
      d, y, dy, dx);
}

}  // namespace limbic::LIMBIC_DEVICE
