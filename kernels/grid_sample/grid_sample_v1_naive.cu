// SPDX-License-Identifier: Apache-2.0
// Idea: forward, one thread an element of y; dgrid, one thread a place; dx, one thread a pixel of x, which looks
// through all places of its image for those that touched it.
// Changed from v0: the loops are grids. dx gathers what v0 scatters: the usual way, 4 float atomics a place and
// channel, gives other bits in every run.
// Why faster: it is parallel.
// Limited by: dx: every pixel reads the whole grid of its image, 8 bytes a pixel and place: fine for faces of 48x48.
// Next: v2 scatters again, into whole numbers, whose sum does not depend on the order.
#include "kernels/grid_sample/grid_sample_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void grid_sample_fwd_v1(GridSampleDims d, int64_t n, const float* x, const float* grid, float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int64_t place = i / d.C, image = place / d.Q / d.P;
  const Corners corners(d, grid + 2 * place);
  x += image * d.H * d.W * d.C + i % d.C;
  float sum = 0;
#pragma unroll
  for (int a = 0; a < 2; ++a)
#pragma unroll
    for (int b = 0; b < 2; ++b)
      if (corners.on_map(a, b)) sum += corners.by_w(b) * corners.by_h(a) * x[corners.pixel(a, b) * d.C];
  y[i] = sum;
}

__global__ void grid_sample_dgrid_v1(GridSampleDims d, int64_t n, const float* x, const float* grid, const float* dy,
                                     float* dgrid) {
  const int64_t place = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (place >= n) return;
  const Corners corners(d, grid + 2 * place);
  x += place / d.Q / d.P * d.H * d.W * d.C;
  dy += place * d.C;
  float across = 0, down = 0;
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 2; ++b) {
      if (!corners.on_map(a, b)) continue;
      const float* const at = x + corners.pixel(a, b) * d.C;
      float product = 0;
      for (int c = 0; c < d.C; ++c) product += at[c] * dy[c];
      across += (b ? 1 : -1) * corners.by_h(a) * product;
      down += (a ? 1 : -1) * corners.by_w(b) * product;
    }
  dgrid[2 * place] = across * static_cast<float>(d.align_corners ? d.W - 1 : d.W) / 2;
  dgrid[2 * place + 1] = down * static_cast<float>(d.align_corners ? d.H - 1 : d.H) / 2;
}

__global__ void grid_sample_dx_v1(GridSampleDims d, int64_t n, const float* grid, const float* dy, float* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int64_t places = int64_t{d.P} * d.Q, own = i / d.C;
  const int c = static_cast<int>(i % d.C);
  const float w = static_cast<float>(own % d.W), h = static_cast<float>(own / d.W % d.H);
  const int64_t first = own / d.W / d.H * places;
  float sum = 0;
  for (int64_t place = first; place < first + places; ++place) {
    const Corners corners(d, grid + 2 * place);
    const float a = h - corners.h0, b = w - corners.w0;  // 0 or 1: one of its corners
    if ((a != 0 && a != 1) || (b != 0 && b != 1)) continue;
    sum += corners.by_w(b != 0) * corners.by_h(a != 0) * dy[place * d.C + c];
  }
  dx[i] = sum;
}

void grid_sample_fwd_v1_naive(const GridSampleDims& d, const float* x, const float* grid, float* y, Stream stream) {
  const int64_t n = int64_t{d.N} * d.P * d.Q * d.C;
  LAUNCH(grid_sample_fwd_v1, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, x, grid, y);
}

void grid_sample_dgrid(const GridSampleDims& d, const float* x, const float* grid, const float* dy, float* dgrid,
                       Stream stream) {
  const int64_t places = int64_t{d.N} * d.P * d.Q;
  LAUNCH(grid_sample_dgrid_v1, (Grid{.blocks = blocks_for(places, 256), .threads = 256, .stream = stream}), d, places,
         x, grid, dy, dgrid);
}

void grid_sample_bwd_v1_naive(const GridSampleDims& d, const float* x, const float* grid, const float* dy, float* dx,
                              float* dgrid, Stream stream) {
  if (dgrid) grid_sample_dgrid(d, x, grid, dy, dgrid, stream);
  const int64_t n = int64_t{d.N} * d.H * d.W * d.C;
  if (dx) {
    LAUNCH(grid_sample_dx_v1, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, grid, dy,
           dx);
  }
}

}  // namespace limbic::LIMBIC_DEVICE
