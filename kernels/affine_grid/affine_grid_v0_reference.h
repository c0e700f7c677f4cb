// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "kernels/affine_grid/affine_grid.h"

namespace limbic {

/// Where pixel i of n lies in [-1,1].
inline double pixel_position(int i, int n, bool align_corners) {
  return (2.0 * i + 1 - n) / (align_corners ? std::max(n - 1, 1) : n);
}

template <class T>
void affine_grid_fwd_v0_reference(const AffineGridDims& d, const T* theta, T* grid, Stream) {
  for (int n = 0; n < d.N; ++n, theta += 6)
    for (int h = 0; h < d.H; ++h)
      for (int w = 0; w < d.W; ++w, grid += 2) {
        const double x = pixel_position(w, d.W, d.align_corners), y = pixel_position(h, d.H, d.align_corners);
        grid[0] = T(theta[0] * x + theta[1] * y + theta[2]);
        grid[1] = T(theta[3] * x + theta[4] * y + theta[5]);
      }
}

template <class T>
void affine_grid_bwd_v0_reference(const AffineGridDims& d, const T* dgrid, T* dtheta, Stream) {
  for (int n = 0; n < d.N; ++n, dtheta += 6) {
    double sums[6] = {};
    for (int h = 0; h < d.H; ++h)
      for (int w = 0; w < d.W; ++w, dgrid += 2) {
        const double x = pixel_position(w, d.W, d.align_corners), y = pixel_position(h, d.H, d.align_corners);
        for (int row : {0, 1}) {
          sums[3 * row] += dgrid[row] * x;
          sums[3 * row + 1] += dgrid[row] * y;
          sums[3 * row + 2] += dgrid[row];
        }
      }
    for (int i = 0; i < 6; ++i) dtheta[i] = T(sums[i]);
  }
}

}  // namespace limbic
