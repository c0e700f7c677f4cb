// SPDX-License-Identifier: Apache-2.0
// Idea: a block of 256 threads sums 4096 elements and leaves one float; one warp adds those.
// Changed from v0: a tree of a fixed shape instead of one long sum: the same bits in every run, without atomics.
// Why faster: x is read once, by the whole GPU.
// Limited by: memory bandwidth, and two launches.
// Next: the sums of all gradients in one launch.
#include "kernels/gpu_sum.h"
#include "kernels/sum_squares/sum_squares.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int squares_threads = 256, squares_warps = squares_threads / 32;

__global__ void __launch_bounds__(squares_threads) sum_squares_blocks_v1(int64_t n, const float* x, float* parts) {
  SHARED(of_warp, float[squares_warps]);
  const int64_t begin = int64_t{blockIdx.x} * sum_squares_block, end = min(begin + sum_squares_block, n);
  float own = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += squares_threads) own += x[i] * x[i];
  own = warp_sum(own);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if (lane == 0) of_warp[warp] = own;
  __syncthreads();
  if (warp) return;
  const float total = warp_sum(lane < squares_warps ? of_warp[lane] : 0.0f);
  if (lane == 0) parts[blockIdx.x] = total;
}

__global__ void __launch_bounds__(32) sum_squares_add_v1(int64_t n, const float* parts, float* out) {
  double own = 0;
  for (int64_t i = threadIdx.x; i < n; i += 32) own += parts[i];
  const double total = warp_sum(own);
  if (threadIdx.x == 0) *out = static_cast<float>(total);
}

void sum_squares_fwd_v1_blocks(const SumSquaresDims& d, const float* x, float* out, float* scratch, Stream stream) {
  const unsigned blocks = blocks_for(d.n, sum_squares_block);
  LAUNCH(sum_squares_blocks_v1, (Grid{.blocks = blocks, .threads = squares_threads, .stream = stream}), d.n, x,
         scratch);
  LAUNCH(sum_squares_add_v1, (Grid{.blocks = 1, .threads = 32, .stream = stream}), int64_t{blocks}, scratch, out);
}

}  // namespace limbic::LIMBIC_DEVICE
