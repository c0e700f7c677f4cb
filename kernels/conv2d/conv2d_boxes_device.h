// SPDX-License-Identifier: Apache-2.0
// Boxes of pixels, as bulk copies bring them, and which taps of a filter reach which pixels.
#pragma once
#include "kernels/conv2d/conv2d_device.h"

namespace limbic::LIMBIC_DEVICE {

/// Maps [images, height, width], cut into boxes of 2^log_n x 2^log_h x 2^log_w pixels.
struct PixelBoxes {
  int images, height, width;
  int log_n, log_h, log_w;

  __host__ __device__ int along(int length, int log) const { return (length + (1 << log) - 1) >> log; }
  __host__ __device__ int across() const { return along(width, log_w); }
  __host__ __device__ int down() const { return along(height, log_h); }
  __host__ __device__ int64_t count() const { return int64_t{along(images, log_n)} * down() * across(); }

  /// The first pixel of box i.
  __device__ MapPixel corner(int i) const {
    const int row = i / across();
    return {row / down() << log_n, row % down() << log_h, i % across() << log_w};
  }
  /// Pixel `i` of the box that begins at `corner`; n < 0: outside.
  __device__ MapPixel pixel(const MapPixel& corner, int i) const {
    const int w = corner.w + (i & ((1 << log_w) - 1)), h = corner.h + (i >> log_w & ((1 << log_h) - 1));
    const int n = corner.n + (i >> (log_w + log_h));
    return n < images && h < height && w < width ? MapPixel{n, h, w} : MapPixel{-1, 0, 0};
  }
};

/// The taps along one axis that reach input pixels congruent to offset - pad: first, first + every, ...
struct Taps {
  int first, every, count;
  __device__ Taps(int length, int dilation, int stride, int offset) : first(0) {
    while (first < length && (offset - first * dilation) % stride) ++first;
    int next = first + 1;
    while (next < length && (offset - next * dilation) % stride) ++next;
    every = next - first;
    count = first < length ? (length - 1 - first) / every + 1 : 0;
  }
};

/// The fewest boxes of `pixels`, a power of two; of these the widest, then the highest.
inline PixelBoxes pixel_boxes(int pixels, int images, int height, int width, int step_h, int step_w) {
  PixelBoxes best{images, height, width, 0, 0, 0};
  int64_t fewest = INT64_MAX;
  for (int w = 0; 1 << w <= pixels && step_w << w <= 256; ++w)
    for (int h = 0; 1 << (w + h) <= pixels && step_h << h <= 256; ++h) {
      PixelBoxes boxes{images, height, width, 0, h, w};
      while (1 << (boxes.log_n + h + w) < pixels) ++boxes.log_n;
      if (boxes.count() <= fewest) best = boxes, fewest = boxes.count();
    }
  return best;
}

}  // namespace limbic::LIMBIC_DEVICE
