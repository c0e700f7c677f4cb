// SPDX-License-Identifier: Apache-2.0
// Bilinear sampling of a map at the places of a grid, zeros outside (Jaderberg et al. 2015, arXiv 1506.02025).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

/// Grid positions are (across, down) in [-1,1]. With align_corners -1 and 1 are the centres of the outermost pixels,
/// else their outer edges. A pixel outside the map counts as 0; a position that is no number samples nothing.
struct GridSampleDims {
  int N, H, W, C, P, Q;
  bool align_corners;
};

using GridSampleForward = void(const GridSampleDims&, const float* x /*[N,H,W,C]*/, const float* grid /*[N,P,Q,2]*/,
                               float* y /*[N,P,Q,C]*/, Stream);

/// Overwrites dx and dgrid; either may be null. Each image adds its pixels' gradients to dx one after the other, so
/// that the bits never change from run to run.
using GridSampleBackward = void(const GridSampleDims&, const float* x, const float* grid, const float* dy /*[N,P,Q,C]*/,
                                float* dx /*[N,H,W,C]*/, float* dgrid /*[N,P,Q,2]*/, Stream);

std::span<const Rung<GridSampleDims, GridSampleForward>> grid_sample_fwd_rungs();
std::span<const Rung<GridSampleDims, GridSampleBackward>> grid_sample_bwd_rungs();

}  // namespace limbic
