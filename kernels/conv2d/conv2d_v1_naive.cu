// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element of the result, whichever pass: y, dx or dw.
// Changed from v0: the loops over the result are the grid, and both gradients gather what v0 scatters: no atomics.
// Why faster: it is parallel; the 32 threads of a warp share a pixel and read the same x, or neighbouring channels.
// Limited by: 8 bytes from the caches for 2 FLOPs; in dw few threads, each with all pixels to sum.
// Next: v2 keeps tiles of both operands in shared memory.
#include "kernels/conv2d/conv2d_device.h"
#include "kernels/gpu_sum.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void conv2d_fwd_v1(Conv2dDims d, int64_t n, Conv2dEpilogue epilogue, const float* x, const float* w,
                              float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int k = static_cast<int>(i % d.K), Cg = d.C / d.groups, group = k / (d.K / d.groups);
  const MapPixel pixel = map_pixel(i / d.K, d.P(), d.Q());
  float sum = 0;
  for (int r = 0; r < d.R; ++r)
    for (int s = 0; s < d.S; ++s) {
      const float* const from = conv_input(d, x, pixel, r, s);
      const float* const weights = w + ((int64_t{k} * d.R + r) * d.S + s) * Cg;
      for (int c = 0; from && c < Cg; ++c) sum += from[group * Cg + c] * weights[c];
    }
  y[i] = conv_result(epilogue, sum, k);
}

__global__ void conv2d_dx_v1(Conv2dDims d, int64_t n, const float* dy, const float* w, float* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int Cg = d.C / d.groups, Kg = d.K / d.groups;
  const int c = static_cast<int>(i % d.C) % Cg, group = static_cast<int>(i % d.C) / Cg;
  const MapPixel pixel = map_pixel(i / d.C, d.H, d.W);
  float sum = 0;
  for (int r = 0; r < d.R; ++r)
    for (int s = 0; s < d.S; ++s) {
      const float* const from = conv_output(d, dy, pixel, r, s);
      for (int k = group * Kg; from && k < (group + 1) * Kg; ++k)
        sum += from[k] * w[((int64_t{k} * d.R + r) * d.S + s) * Cg + c];
    }
  dx[i] = sum;
}

__global__ void conv2d_dw_v1(Conv2dDims d, int64_t n, int64_t pixels, const float* x, const float* dy, float* dw) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int Cg = d.C / d.groups, P = d.P(), Q = d.Q();
  const int64_t tap = i / Cg;
  const int k = static_cast<int>(tap / (d.R * d.S)), r = static_cast<int>(tap / d.S % d.R);
  const int s = static_cast<int>(tap % d.S), c = k / (d.K / d.groups) * Cg + static_cast<int>(i % Cg);
  LongSum sum;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    const float* const from = conv_input(d, x, map_pixel(pixel, P, Q), r, s);
    if (from) sum.add(from[c] * dy[pixel * d.K + k]);
  }
  dw[i] = static_cast<float>(sum.value());
}

void conv2d_fwd_v1_naive(const Conv2dDims& d, const float* x, const float* w, const float*, const Conv2dEpilogue& e,
                         float* y, float*, Stream stream) {
  const int64_t n = conv_outputs(d) * d.K;
  LAUNCH(conv2d_fwd_v1, (Grid{.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}), d, n, e, x, w, y);
}

void conv2d_dx_v1_naive(const Conv2dDims& d, const float* dy, const float* w, float* dx, float*, Stream stream) {
  const int64_t n = conv_inputs(d) * d.C;
  LAUNCH(conv2d_dx_v1, (Grid{.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}), d, n, dy, w, dx);
}

void conv2d_dw_v1_naive(const Conv2dDims& d, const float* x, const float* dy, float* dw, float*, Stream stream) {
  const int64_t n = int64_t{d.K} * d.R * d.S * (d.C / d.groups);
  LAUNCH(conv2d_dw_v1, (Grid{.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}), d, n, conv_outputs(d), x,
         dy, dw);
}

}  // namespace limbic::LIMBIC_DEVICE
