// SPDX-License-Identifier: Apache-2.0
// Idea: dx is scattered after all, with atomics, but as 64-bit whole numbers: their sum is the same in any order.
// Changed from v1: a block has one channel of one image, and its dx in shared memory. The largest |dy| of the channel
// and the number of places fix the unit: no sum overflows, and with 48x48 places 48 bits are left for the largest
// addend.
// Why faster: 4 additions a place instead of a look at every place by every pixel; dy and the grid are read twice.
// Limited by: atomics on the same pixel wait for each other; maps of more than 8192 pixels do not fit.
// Next: 16-bit tiles of larger maps; a warp that adds up its own collisions first.
#include "kernels/gpu_sum.h"
#include "kernels/grid_sample/grid_sample_device.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int scatter_threads = 256, scatter_warps = scatter_threads / 32, most_pixels = 8192;

using Whole = unsigned long long;  // two's complement: atomicAdd knows no signed 64 bits

__global__ void __launch_bounds__(scatter_threads)
    grid_sample_dx_v2(GridSampleDims d, const float* grid, const float* dy, float* dx) {
  SHARED(of_warp, float[scatter_warps]);
  Whole* const sums = dynamic_shared_array<Whole>();  // [H,W]
  const int pixels = d.H * d.W, c = blockIdx.y;
  const int64_t places = int64_t{d.P} * d.Q, first = blockIdx.x * places;
  for (int i = threadIdx.x; i < pixels; i += scatter_threads) sums[i] = 0;

  float largest = 0;
  bool finite = true;
  for (int64_t place = first + threadIdx.x; place < first + places; place += scatter_threads) {
    const float g = fabsf(dy[place * d.C + c]);
    largest = fmaxf(largest, g);
    if (!(g < INFINITY)) finite = false;
  }
  largest = warp_max(largest);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = largest;
  const bool all_finite = __syncthreads_and(finite);
  for (int i = 0; i < scatter_warps; ++i) largest = fmaxf(largest, of_warp[i]);
  int bits = 0;  // places < 2^bits
  while (places >> bits) ++bits;
  const double units = all_finite && largest > 0 ? ldexp(1.0, 60 - bits - ilogbf(largest)) : 0;

  for (int64_t place = first + threadIdx.x; units > 0 && place < first + places; place += scatter_threads) {
    const Corners corners(d, grid + 2 * place);
    const double g = dy[place * d.C + c] * units;
#pragma unroll
    for (int a = 0; a < 2; ++a)
#pragma unroll
      for (int b = 0; b < 2; ++b)
        if (corners.on_map(a, b)) {
          const float weight = corners.by_w(b) * corners.by_h(a);
          atomicAdd(&sums[corners.pixel(a, b)], static_cast<Whole>(llrint(weight * g)));
        }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < pixels; i += scatter_threads) {
    const double sum = static_cast<double>(static_cast<long long>(sums[i]));
    float value = 0;
    if (units > 0) value = static_cast<float>(sum / units);
    dx[(int64_t{blockIdx.x} * pixels + i) * d.C + c] = all_finite ? value : NAN;
  }
}

bool grid_sample_supports_v2(const GridSampleDims& d) { return int64_t{d.H} * d.W <= most_pixels; }

void grid_sample_bwd_v2_whole_numbers(const GridSampleDims& d, const float* x, const float* grid, const float* dy,
                                      float* dx, float* dgrid, Stream stream) {
  if (dgrid) grid_sample_dgrid(d, x, grid, dy, dgrid, stream);
  if (!dx) return;
  LAUNCH(grid_sample_dx_v2,
         (Grid{.blocks = {static_cast<unsigned>(d.N), static_cast<unsigned>(d.C)},
               .threads = scatter_threads,
               .shared_bytes = sizeof(Whole) * d.H * d.W,
               .stream = stream}),
         d, grid, dy, dx);
}

}  // namespace limbic::LIMBIC_DEVICE
