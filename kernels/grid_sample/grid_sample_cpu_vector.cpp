// SPDX-License-Identifier: Apache-2.0
// Lanes run over 16 pixels of the grid while places and weights are found. One channel goes on like this, gathering its
// corners; more channels are walked pixel by pixel, lanes over channels. Gradients of x scatter within one image, which
// is one task.
#include "kernels/grid_sample/grid_sample.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// The four corners of 16 positions: north-west, north-east, south-west, south-east.
struct Corners {
  i32x16 at[4];                                // pixel of the map; -1 outside
  f32x16 weight[4], by_across[4], by_down[4];  // the weight and its derivatives; 0 outside
};

LIMBIC_INLINE f32x16 to_pixels(f32x16 g, int n, bool align_corners) {
  const f32x16 shifted = g + broadcast(1.0f);
  if (align_corners) return shifted * broadcast(0.5f * static_cast<float>(n - 1));
  return fma(shifted, broadcast(static_cast<float>(n)), broadcast(-1.0f)) * broadcast(0.5f);
}

LIMBIC_INLINE Corners corners_of(const GridSampleDims& d, f32x16 gx, f32x16 gy) {
  const f32x16 w = to_pixels(gx, d.W, d.align_corners), h = to_pixels(gy, d.H, d.align_corners);
  const f32x16 one = broadcast(1.0f), w0 = floor(w), h0 = floor(h);
  const f32x16 across[2] = {one - (w - w0), w - w0}, down[2] = {one - (h - h0), h - h0};
  const f32x16 width = broadcast(static_cast<float>(d.W)), height = broadcast(static_cast<float>(d.H));
  Corners c;
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const int i = k / 2, j = k % 2;
    const f32x16 row = i ? h0 + one : h0, col = j ? w0 + one : w0;
    const mask16 inside = (row >= zero()) & (row < height) & (col >= zero()) & (col < width);
    c.at[k] = select(inside, to_int(row) * broadcast_int(d.W) + to_int(col), broadcast_int(-1));
    c.weight[k] = select(inside, across[j] * down[i], zero());
    c.by_across[k] = select(inside, j ? down[i] : -down[i], zero());
    c.by_down[k] = select(inside, i ? across[j] : -across[j], zero());
  }
  return c;
}

/// The 16 positions from pixel p of `count` on; past the end the last one is repeated.
LIMBIC_INLINE Corners corners_at(const GridSampleDims& d, const float* grid, int64_t p, int64_t count) {
  const int left = static_cast<int>(smaller(lanes, count - p));
  const i32x16 own = lane_index();
  const i32x16 pair = shift_left<1>(select(own < broadcast_int(left), own, broadcast_int(left - 1)));
  return corners_of(d, gather(grid + 2 * p, pair), gather(grid + 2 * p + 1, pair));
}

/// Corners as numbers, for code that takes one pixel at a time.
struct Places {
  int32_t at[4][16];
  float weight[4][16], by_across[4][16], by_down[4][16];

  explicit Places(const Corners& c) {
    for (int k = 0; k < 4; ++k) {
      store(at[k], c.at[k]), store(weight[k], c.weight[k]);
      store(by_across[k], c.by_across[k]), store(by_down[k], c.by_down[k]);
    }
  }
};

/// A one-channel map's values at 16 corners, 0 outside.
LIMBIC_INLINE f32x16 values_at(const float* image, i32x16 at) {
  const mask16 outside = at < broadcast_int(0);
  return select(outside, zero(), gather(image, select(outside, broadcast_int(0), at)));
}

}  // namespace

void grid_sample_fwd_cpu_vector(const GridSampleDims& d, const float* x, const float* grid, float* y, Stream) {
  for_each_row(int64_t(d.N) * d.P, int64_t(d.Q) * d.C, [&](int64_t row) {
    const float* image = x + row / d.P * d.H * d.W * d.C;
    const float* places = grid + row * d.Q * 2;
    float* out = y + row * d.Q * d.C;
    for (int64_t q = 0; q < d.Q; q += lanes) {
      const Corners c = corners_at(d, places, q, d.Q);
      const int count = static_cast<int>(smaller(lanes, d.Q - q));
      if (d.C == 1) {
        f32x16 total = zero();
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) total = fma(c.weight[k], values_at(image, c.at[k]), total);
        store_first(out + q, total, count);
        continue;
      }
      const Places p(c);
      for (int i = 0; i < count; ++i)
        vectors_of(0, d.C, [&](int64_t channel, auto at) {
          f32x16 total = zero();
          for (int k = 0; k < 4; ++k) {
            if (p.at[k][i] < 0) continue;
            total = fma(broadcast(p.weight[k][i]), at.get(image + int64_t(p.at[k][i]) * d.C + channel), total);
          }
          at.put(out + (q + i) * d.C + channel, total);
        });
    }
  });
}

void grid_sample_bwd_cpu_vector(const GridSampleDims& d, const float* x, const float* grid, const float* dy, float* dx,
                                float* dgrid, Stream) {
  const float scale_w = 0.5f * static_cast<float>(d.align_corners ? d.W - 1 : d.W);
  const float scale_h = 0.5f * static_cast<float>(d.align_corners ? d.H - 1 : d.H);
  const int64_t pixels = int64_t(d.P) * d.Q, image_size = int64_t(d.H) * d.W * d.C;
  parallel_for(d.N, [&](int64_t n) {
    const float* image = x + n * image_size;
    const float* places = grid + n * pixels * 2;
    const float* from = dy + n * pixels * d.C;
    float* to = dx ? dx + n * image_size : nullptr;
    if (to) vectors_of(0, image_size, [&](int64_t i, auto at) { at.put(to + i, zero()); });
    for (int64_t pixel = 0; pixel < pixels; pixel += lanes) {
      const Corners c = corners_at(d, places, pixel, pixels);
      const Places p(c);
      const int count = static_cast<int>(smaller(lanes, pixels - pixel));
      alignas(64) float across[lanes], down[lanes];
      if (d.C == 1) {
        const f32x16 g = load_first(from + pixel, count);
        f32x16 a = zero(), b = zero();
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
          const f32x16 value = values_at(image, c.at[k]) * g;
          a = fma(c.by_across[k], value, a);
          b = fma(c.by_down[k], value, b);
        }
        store(across, a), store(down, b);
        for (int i = 0; to && i < count; ++i)
          for (int k = 0; k < 4; ++k)
            if (p.at[k][i] >= 0) to[p.at[k][i]] = fma1(p.weight[k][i], from[pixel + i], to[p.at[k][i]]);
      } else {
        for (int i = 0; i < count; ++i) {
          const float* g = from + (pixel + i) * d.C;
          f32x16 a = zero(), b = zero();
          for (int k = 0; k < 4; ++k) {
            if (p.at[k][i] < 0) continue;
            const int64_t corner = int64_t(p.at[k][i]) * d.C;
            const f32x16 weight = broadcast(p.weight[k][i]);
            const f32x16 by_across = broadcast(p.by_across[k][i]), by_down = broadcast(p.by_down[k][i]);
            vectors_of(0, d.C, [&](int64_t channel, auto at) {
              const f32x16 dg = at.get(g + channel), value = at.get(image + corner + channel) * dg;
              a = fma(by_across, value, a);
              b = fma(by_down, value, b);
              if (to) at.put(to + corner + channel, fma(weight, dg, at.get(to + corner + channel)));
            });
          }
          across[i] = sum(a), down[i] = sum(b);
        }
      }
      for (int i = 0; dgrid && i < count; ++i) {
        float* out = dgrid + (n * pixels + pixel + i) * 2;
        out[0] = across[i] * scale_w, out[1] = down[i] * scale_h;
      }
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
