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
