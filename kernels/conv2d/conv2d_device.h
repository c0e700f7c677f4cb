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

/// i / n and what is left, in 32 bits where they are enough: a fraction of the instructions.
struct Division {
  int64_t quotient;
  int rest;
};
__device__ inline Division divide(int64_t i, int n) {
  if (i > INT32_MAX) return {i / n, static_cast<int>(i % n)};
  const auto small = static_cast<uint32_t>(i), by = static_cast<uint32_t>(n);
  return {small / by, static_cast<int>(small % by)};
}

/// Pixel i of maps of height x width.
__device__ inline MapPixel map_pixel(int64_t i, int height, int width) {
  const Division row = divide(i, width), image = divide(row.quotient, height);
  return {static_cast<int>(image.quotient), image.rest, row.rest};
}

/// Rows h0 to h1 and columns w0 to w1 of maps, all four among them.
struct PixelBox {
  int h0, h1, w0, w1;
};

__device__ inline PixelBox whole_map(int height, int width) { return {0, height - 1, 0, width - 1}; }

/// How the pixels of maps are numbered as rows or depth of a product: as they lie in memory, or first all images at one
/// pixel, then those at the next one down the column. So a tile of a batch lies at few pixels, and narrow maps' first
/// and last columns stand apart.
struct PixelOrder {
  int height, width;
  int images;  ///< 0: as in memory

  __device__ MapPixel pixel(int64_t i) const {
    if (!images) return map_pixel(i, height, width);
    const Division place = divide(i, images), column = divide(place.quotient, height);
    return {place.rest, column.rest, static_cast<int>(column.quotient)};
  }

  /// Which in memory is pixel i.
  __device__ int64_t index(int64_t i) const {
    if (!images) return i;
    const MapPixel at = pixel(i);
    return (int64_t{at.n} * height + at.h) * width + at.w;
  }

  /// One that holds pixels first to last - 1.
  __device__ PixelBox box(int64_t first, int64_t last) const {
    const MapPixel from = pixel(first), to = pixel(last - 1);
    if (images) return from.w == to.w ? PixelBox{from.h, to.h, from.w, to.w} : PixelBox{0, height - 1, from.w, to.w};
    if (from.n != to.n) return whole_map(height, width);
    return from.h == to.h ? PixelBox{from.h, to.h, from.w, to.w} : PixelBox{from.h, to.h, 0, width - 1};
  }
};

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
