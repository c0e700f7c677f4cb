// SPDX-License-Identifier: Apache-2.0
// Idea: a block a row; the warps' results meet in shared memory.
// Changed from v2: 256 threads share a row.
// Why faster: a few long rows (a vocabulary, a frame's attention) keep the whole multiprocessor busy.
// Limited by: memory bandwidth; two barriers a pass, which short rows do not repay.
// Next: one pass that keeps a running maximum and rescales the sum.
#include "kernels/gpu_sum.h"
#include "kernels/softmax/softmax.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int softmax_threads = 256, softmax_warps = softmax_threads / 32;

/// All threads of the block get the sum of theirs; `of_warp` may be used again at once.
__device__ inline float block_sum(double value, double* of_warp) {
  const double sum = warp_sum(value);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < softmax_warps; ++w) total += of_warp[w];
  __syncthreads();
  return static_cast<float>(total);
}

__global__ void __launch_bounds__(softmax_threads) softmax_fwd_v3(SoftmaxDims d, const float* x, float* y) {
  SHARED(sum_of_warp, double[softmax_warps]);
  SHARED(top_of_warp, float[softmax_warps]);
  x += int64_t{blockIdx.x} * d.C, y += int64_t{blockIdx.x} * d.C;
  float top = -INFINITY;
  for (int c = threadIdx.x; c < d.C; c += softmax_threads) top = fmaxf(top, x[c]);
  top = warp_max(top);
  if (threadIdx.x % 32 == 0) top_of_warp[threadIdx.x / 32] = top;
  __syncthreads();
  for (int w = 0; w < softmax_warps; ++w) top = fmaxf(top, top_of_warp[w]);
  LongSum own;
  for (int c = threadIdx.x; c < d.C; c += softmax_threads) own.add(expf(x[c] - top));
  const float all = block_sum(own.value(), sum_of_warp);
  const float log_all = logf(all);
  for (int c = threadIdx.x; c < d.C; c += softmax_threads) y[c] = d.log ? x[c] - top - log_all : expf(x[c] - top) / all;
}

__global__ void __launch_bounds__(softmax_threads)
    softmax_bwd_v3(SoftmaxDims d, const float* y, const float* dy, float* dx) {
  SHARED(sum_of_warp, double[softmax_warps]);
  const int64_t row = int64_t{blockIdx.x} * d.C;
  y += row, dy += row, dx += row;
  LongSum own;
  for (int c = threadIdx.x; c < d.C; c += softmax_threads) own.add(d.log ? dy[c] : dy[c] * y[c]);
  const float all = block_sum(own.value(), sum_of_warp);
  for (int c = threadIdx.x; c < d.C; c += softmax_threads) {
    dx[c] = d.log ? dy[c] - expf(y[c]) * all : y[c] * (dy[c] - all);
  }
}

void softmax_fwd_v3_block(const SoftmaxDims& d, const float* x, float* y, Stream stream) {
  LAUNCH(softmax_fwd_v3, (Grid{.blocks = static_cast<unsigned>(d.rows), .threads = softmax_threads, .stream = stream}),
         d, x, y);
}

void softmax_bwd_v3_block(const SoftmaxDims& d, const float* y, const float* dy, float* dx, Stream stream) {
  LAUNCH(softmax_bwd_v3, (Grid{.blocks = static_cast<unsigned>(d.rows), .threads = softmax_threads, .stream = stream}),
         d, y, dy, dx);
}

}  // namespace limbic::LIMBIC_DEVICE
