// SPDX-License-Identifier: Apache-2.0
// Lanes run along a row of the grid as it lies in memory: x and y of 8 pixels. Even lanes see theta's first row, odd
// ones its second.
#include "kernels/affine_grid/affine_grid.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// The positions of n pixels along an axis, as (2 i + 1 - n) * scale.
struct Axis {
  int n;
  float scale;

  Axis(int pixels, bool align_corners)
      : n(pixels), scale(1.0f / static_cast<float>(align_corners && pixels > 1 ? pixels - 1 : pixels)) {}
  float at(int i) const { return static_cast<float>(2 * i + 1 - n) * scale; }
  f32x16 at(i32x16 i) const { return to_float(i + i + broadcast_int(1 - n)) * broadcast(scale); }
};

LIMBIC_INLINE mask16 odd_lanes() { return (lane_index() & broadcast_int(1)) == broadcast_int(1); }

/// The pixels of the 16 numbers from `i` on, two numbers a pixel.
LIMBIC_INLINE i32x16 pixels_from(int64_t i) {
  return shift_right<1>(broadcast_int(static_cast<int32_t>(i)) + lane_index());
}

}  // namespace

void affine_grid_fwd_cpu_vector(const AffineGridDims& d, const float* theta, float* grid, Stream) {
  const Axis across(d.W, d.align_corners), down(d.H, d.align_corners);
  for_each_row(int64_t(d.N) * d.H, int64_t(2) * d.W, [&](int64_t row) {
    const float* t = theta + row / d.H * 6;
    const mask16 odd = odd_lanes();
    const f32x16 y = broadcast(down.at(static_cast<int>(row % d.H)));
    const f32x16 along = select(odd, broadcast(t[3]), broadcast(t[0]));
    const f32x16 start =
        fma(select(odd, broadcast(t[4]), broadcast(t[1])), y, select(odd, broadcast(t[5]), broadcast(t[2])));
    vectors_of(0, int64_t(2) * d.W, [&](int64_t i, auto at) {
      at.put(grid + row * 2 * d.W + i, fma(along, across.at(pixels_from(i)), start));
    });
  });
}

void affine_grid_bwd_cpu_vector(const AffineGridDims& d, const float* dgrid, float* dtheta, Stream) {
  const Axis across(d.W, d.align_corners), down(d.H, d.align_corners);
  parallel_for(d.N, [&](int64_t n) {
    const mask16 odd = odd_lanes();
    double sums[6] = {};
    for (int h = 0; h < d.H; ++h) {
      const float* from = dgrid + (n * d.H + h) * 2 * d.W;
      f32x16 with_x = zero(), plain = zero();
      vectors_of(0, int64_t(2) * d.W, [&](int64_t i, auto at) {
        const f32x16 dg = at.get(from + i);
        with_x = fma(dg, across.at(pixels_from(i)), with_x);
        plain = plain + dg;
      });
      const double y = down.at(h);
      for (int row = 0; row < 2; ++row) {
        const mask16 mine = row == 0 ? ~odd : odd;
        const double all = sum(select(mine, plain, zero()));
        sums[3 * row] += sum(select(mine, with_x, zero()));
        sums[3 * row + 1] += all * y;
        sums[3 * row + 2] += all;
      }
    }
    for (int i = 0; i < 6; ++i) dtheta[n * 6 + i] = static_cast<float>(sums[i]);
  });
}

}  // namespace limbic::LIMBIC_ISA
