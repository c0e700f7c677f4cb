// SPDX-License-Identifier: Apache-2.0
// Where the products of a convolution find their operands on the device.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// A place on a batch of maps; n < 0: none.
struct MapPixel {
  int n, h, w;
};

/// Pixel i of maps of height x width.
__device__ inline MapPixel map_pixel(int64_t i, int height, int width) {
  const int64_t row = i / width;
  return {static_cast<int>(row / height), static_cast<int>(row % height), static_cast<int>(i % width)};
}

/// Pixel i of a product's rows or depth: first all images at one pixel, then the next pixel down the column. So a tile
/// of a batch lies at few pixels, and narrow maps' first and last columns stand apart.
__device__ inline MapPixel product_pixel(int64_t i, int images, int height) {
  const int64_t column = i / images;
  return {static_cast<int>(i % images), static_cast<int>(column % height), static_cast<int>(column / height)};
}

/// Its place in memory, where rows of pixels follow one another.
__device__ inline int64_t pixel_index(const MapPixel& at, int height, int width) {
  return (int64_t{at.n} * height + at.h) * width + at.w;
}

/// Rows h0 to h1 and columns w0 to w1 of maps, all four among them.
struct PixelBox {
  int h0, h1, w0, w1;
};

__device__ inline PixelBox whole_map(int height, int width) { return {0, height - 1, 0, width - 1}; }

/// One that holds product_pixel(i) for i in [first, last).
__device__ inline PixelBox product_box(int64_t first, int64_t last, int images, int height) {
  const int64_t from = first / images, to = (last - 1) / images;
  const int w0 = static_cast<int>(from / height), w1 = static_cast<int>(to / height);
  if (w0 != w1) return {0, height - 1, w0, w1};
  return {static_cast<int>(from % height), static_cast<int>(to % height), w0, w1};
}

/// Along one axis: does a tap read any input in [x0, x1] for any output in [y0, y1]? offset: dilation * tap - pad.
__device__ inline bool tap_meets(int y0, int y1, int x0, int x1, int stride, int offset) {
  const int y = max(y0, (max(x0 - offset, 0) + stride - 1) / stride);
  return y <= y1 && y * stride + offset <= x1;
}

/// The taps under which outputs in a box have to do with inputs in another; all from the 32nd row or column on.
class LiveTaps {
 public:
  __device__ LiveTaps(const Conv2dDims& d, const PixelBox& y, const PixelBox& x) {
    for (int r = 0; r < min(d.R, 32); ++r)
      rows |= uint32_t{tap_meets(y.h0, y.h1, x.h0, x.h1, d.stride_h, r * d.dilation_h - d.pad_h)} << r;
    for (int s = 0; s < min(d.S, 32); ++s)
      columns |= uint32_t{tap_meets(y.w0, y.w1, x.w0, x.w1, d.stride_w, s * d.dilation_w - d.pad_w)} << s;
  }
  __device__ bool has(int r, int s) const { return (r >= 32 || rows >> r & 1) && (s >= 32 || columns >> s & 1); }

 private:
  uint32_t rows = 0, columns = 0;
};

/// The channels of x that output pixel `y` multiplies under tap (r,s); null: padding.
template <class T>
__device__ const T* conv_input(const Conv2dDims& d, const T* x, const MapPixel& y, int r, int s) {
  const int h = y.h * d.stride_h - d.pad_h + r * d.dilation_h, w = y.w * d.stride_w - d.pad_w + s * d.dilation_w;
  if (y.n < 0 || h < 0 || h >= d.H || w < 0 || w >= d.W) return nullptr;
  return x + ((int64_t{y.n} * d.H + h) * d.W + w) * d.C;
}

/// The channels of dy that input pixel `x` had a part in under tap (r,s); null: none.
template <class T>
__device__ const T* conv_output(const Conv2dDims& d, const T* dy, const MapPixel& x, int r, int s) {
  const int h = x.h + d.pad_h - r * d.dilation_h, w = x.w + d.pad_w - s * d.dilation_w;
  if (x.n < 0 || h < 0 || w < 0 || h % d.stride_h || w % d.stride_w) return nullptr;
  const int p = h / d.stride_h, q = w / d.stride_w, P = d.P(), Q = d.Q();
  if (p >= P || q >= Q) return nullptr;
  return dy + ((int64_t{x.n} * P + p) * Q + q) * d.K;
}

/// What is stored of the sum of filter k.
__device__ inline float conv_result(const Conv2dEpilogue& e, float sum, int k) {
  if (e.mean) sum -= e.mean[k];
  const float shift = e.shift ? e.shift[k] : 0.0f;
  const float y = e.scale ? sum * e.scale[k] + shift : sum + shift;
  return e.relu && y < 0 ? 0.0f : y;
}

inline int64_t conv_inputs(const Conv2dDims& d) { return int64_t{d.N} * d.H * d.W; }
inline int64_t conv_outputs(const Conv2dDims& d) { return int64_t{d.N} * d.P() * d.Q(); }

}  // namespace limbic::LIMBIC_DEVICE
