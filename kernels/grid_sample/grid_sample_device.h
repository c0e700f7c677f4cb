// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/gpu.h"
#include "kernels/grid_sample/grid_sample.h"

namespace limbic::LIMBIC_DEVICE {

/// The four pixels around a place. A corner off the map, and every corner of a place that is no number, is off.
struct Corners {
  float w0, h0, across, down;  // the upper left pixel, and the way from it
  const GridSampleDims& d;

  __device__ Corners(const GridSampleDims& dims, const float* g) : d(dims) {
    const float x =
        d.align_corners ? (g[0] + 1) / 2 * static_cast<float>(d.W - 1) : ((g[0] + 1) * static_cast<float>(d.W) - 1) / 2;
    const float y =
        d.align_corners ? (g[1] + 1) / 2 * static_cast<float>(d.H - 1) : ((g[1] + 1) * static_cast<float>(d.H) - 1) / 2;
    w0 = floorf(x), h0 = floorf(y), across = x - w0, down = y - h0;
  }
  /// Is corner (i down, j across) on the map?
  __device__ bool on_map(int i, int j) const {
    const float h = h0 + static_cast<float>(i), w = w0 + static_cast<float>(j);
    return h >= 0 && h < static_cast<float>(d.H) && w >= 0 && w < static_cast<float>(d.W);
  }
  __device__ int64_t pixel(int i, int j) const {
    return static_cast<int64_t>(static_cast<int>(h0) + i) * d.W + static_cast<int>(w0) + j;
  }
  __device__ float by_w(int j) const { return j ? across : 1 - across; }
  __device__ float by_h(int i) const { return i ? down : 1 - down; }
};

/// dgrid alone. (grid_sample_v1_naive.cu)
void grid_sample_dgrid(const GridSampleDims&, const float* x, const float* grid, const float* dy, float* dgrid, Stream);

}  // namespace limbic::LIMBIC_DEVICE
