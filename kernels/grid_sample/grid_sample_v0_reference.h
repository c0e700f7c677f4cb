// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/grid_sample/grid_sample.h"

namespace limbic {

/// A position along an axis: between pixels `before` and before + 1, `part` of the way.
template <class T>
struct SamplePosition {
  T before, part;
};

template <class T>
SamplePosition<T> sample_position(T g, int n, bool align_corners) {
  const T at = align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
  return {std::floor(at), at - std::floor(at)};
}

/// Calls visit(pixel index, weight, d weight / d across, d weight / d down) for the corners that lie on the map.
template <class T, class Visit>
void each_corner(const GridSampleDims& d, const T* g, const Visit& visit) {
  const auto [w0, across] = sample_position(g[0], d.W, d.align_corners);
  const auto [h0, down] = sample_position(g[1], d.H, d.align_corners);
  for (int i : {0, 1})
    for (int j : {0, 1}) {
      const T h = h0 + T(i), w = w0 + T(j);
      if (!(h >= 0 && h < d.H && w >= 0 && w < d.W)) continue;
      const T a = j ? across : 1 - across, b = i ? down : 1 - down;
      visit(int64_t(h) * d.W + int64_t(w), a * b, T(j ? 1 : -1) * b, T(i ? 1 : -1) * a);
    }
}

template <class T>
void grid_sample_fwd_v0_reference(const GridSampleDims& d, const T* x, const T* grid, T* y, Stream) {
  for (int n = 0; n < d.N; ++n, x += int64_t(d.H) * d.W * d.C)
    for (int64_t pixel = 0; pixel < int64_t(d.P) * d.Q; ++pixel, grid += 2, y += d.C) {
      std::fill_n(y, d.C, T(0));
      each_corner(d, grid, [&](int64_t at, T weight, T, T) {
        for (int c = 0; c < d.C; ++c) y[c] += weight * x[at * d.C + c];
      });
    }
}

template <class T>
void grid_sample_bwd_v0_reference(const GridSampleDims& d, const T* x, const T* grid, const T* dy, T* dx, T* dgrid,
                                  Stream) {
  const T scale_w = T(d.align_corners ? d.W - 1 : d.W) / 2, scale_h = T(d.align_corners ? d.H - 1 : d.H) / 2;
  if (dx) std::fill_n(dx, int64_t(d.N) * d.H * d.W * d.C, T(0));
  for (int n = 0; n < d.N; ++n) {
    const int64_t image = int64_t(n) * d.H * d.W * d.C;
    for (int64_t pixel = 0; pixel < int64_t(d.P) * d.Q; ++pixel, grid += 2, dy += d.C) {
      T across = 0, down = 0;
      each_corner(d, grid, [&](int64_t at, T weight, T by_w, T by_h) {
        for (int c = 0; c < d.C; ++c) {
          if (dx) dx[image + at * d.C + c] += weight * dy[c];
          across += by_w * x[image + at * d.C + c] * dy[c];
          down += by_h * x[image + at * d.C + c] * dy[c];
        }
      });
      if (dgrid) *dgrid++ = across * scale_w, *dgrid++ = down * scale_h;
    }
  }
}

}  // namespace limbic
