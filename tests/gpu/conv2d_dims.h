// SPDX-License-Identifier: Apache-2.0
// The arrays of a convolution, and a smaller one of its kind.
#pragma once
#include <algorithm>

#include "kernels/conv2d/conv2d.h"

namespace limbic::test {

inline size_t x_size(const Conv2dDims& d) { return size_t(d.N) * d.H * d.W * d.C; }
inline size_t w_size(const Conv2dDims& d) { return size_t(d.K) * d.R * d.S * (d.C / d.groups); }
inline size_t y_size(const Conv2dDims& d) { return size_t(d.N) * d.P() * d.Q() * d.K; }

inline int64_t in_tiles(int64_t n) { return (n + 15) / 16 * 16; }

/// The same kind of layer, of 300,000 multiply-adds and 19,000 CUDA threads at most, where tiles of 16 are filled up.
inline Conv2dDims scaled(Conv2dDims d) {
  const auto large = [&] {
    const int64_t C = in_tiles(d.C / d.groups), K = in_tiles(d.K / d.groups);
    const int64_t threads = std::max(
        {in_tiles(int64_t{d.N} * d.H * d.W) * C, C * K * d.R * d.S, in_tiles(int64_t{d.N} * d.P() * d.Q()) * K});
    return threads * d.groups > 19000 || y_size(d) * d.R * d.S * (d.C / d.groups) > 300000;
  };
  const auto shorten = [](int& length, int pad, int reach) {  // a filter still fits
    if (length > 4 && length + 2 * pad > reach) length = std::max(length * 3 / 4, std::max(1, reach - 2 * pad));
  };
  if (large()) d.N = std::min(d.N, 3);
  while (large()) {
    shorten(d.H, d.pad_h, d.dilation_h * (d.R - 1) + 1);
    shorten(d.W, d.pad_w, d.dilation_w * (d.S - 1) + 1);
    if (!large()) break;
    if (d.groups == d.C && d.groups > 1) {
      d.C = d.groups = d.K = d.K * 2 / 3;
    } else if (d.C / d.groups > 8 || d.K / d.groups > 8) {
      if (d.C / d.groups > 8) d.C = d.C / d.groups * 3 / 4 * d.groups;
      if (d.K / d.groups > 8) d.K = d.K / d.groups * 3 / 4 * d.groups;
    } else if (d.N > 1) {
      d.N = 1;
    } else {
      d.R = d.S = 7;  // of AlexNet's 11 x 11
    }
  }
  return d;
}

}  // namespace limbic::test
