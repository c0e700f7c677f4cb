// SPDX-License-Identifier: Apache-2.0
// The places that an affine transform looks at: grid = theta (x, y, 1) for the pixels of a map (Jaderberg et al. 2015,
// arXiv 1506.02025, equation 1).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

/// Positions are in [-1,1] across the map. With align_corners -1 and 1 are the centres of the outermost pixels, else
/// their outer edges. An axis of one pixel lies at 0.
struct AffineGridDims {
  int N, H, W;
  bool align_corners;
};

/// theta's rows give x (across) and y (down) of each pixel.
using AffineGridForward = void(const AffineGridDims&, const float* theta /*[N,2,3]*/, float* grid /*[N,H,W,2]*/,
                               Stream);

/// Overwrites dtheta.
using AffineGridBackward = void(const AffineGridDims&, const float* dgrid /*[N,H,W,2]*/, float* dtheta /*[N,2,3]*/,
                                Stream);

std::span<const Rung<AffineGridDims, AffineGridForward>> affine_grid_fwd_rungs();
std::span<const Rung<AffineGridDims, AffineGridBackward>> affine_grid_bwd_rungs();

}  // namespace limbic
