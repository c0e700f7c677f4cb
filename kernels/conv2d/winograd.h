// SPDX-License-Identifier: Apache-2.0
// Winograd's F(4x4, 3x3): a tile of 4x4 outputs from 6x6 inputs with 36 products instead of 144 (Lavin and Gray, "Fast
// algorithms for convolutional neural networks", 2015): y = A' [(G g G') * (B' x B)] A, summed over channels between
// the brackets. One matrix product for each of the 36 frequencies does that sum; its gradient runs the same way back.
#pragma once
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {

constexpr int wino_in = 6, wino_out = 4, wino_points = 36;

// The polynomials are evaluated at 0, +-a, +-b and infinity with a = 2/3, b = 3/2. Against the usual 1 and 2 that
// halves the rounding error (rms 4.0e-7 of the maximum instead of 8.8e-7 over 256 channels; a direct sum has 1.7e-7):
// points and their reciprocals in even steps keep all powers near 1 (Alam et al., "Winograd convolution for deep neural
// networks: efficient point selection", 2022). ab = 1 saves the products at both ends.
constexpr double wino_a = 2.0 / 3, wino_b = 3.0 / 2;
constexpr float wino_a1 = wino_a, wino_a2 = wino_a * wino_a, wino_a3 = wino_a * wino_a * wino_a;
constexpr float wino_b1 = wino_b, wino_b2 = wino_b * wino_b, wino_b3 = wino_b * wino_b * wino_b;
constexpr float wino_sum = wino_a * wino_a + wino_b * wino_b;
// 1 / (product of the differences between +-a, or +-b, and the other points)
constexpr double wino_na = 1 / (2 * wino_a * wino_a * (wino_a * wino_a - wino_b * wino_b));
constexpr double wino_nb = 1 / (2 * wino_b * wino_b * (wino_b * wino_b - wino_a * wino_a));
constexpr float wino_na0 = wino_na, wino_na1 = wino_na * wino_a, wino_na2 = wino_na * wino_a * wino_a;
constexpr float wino_nb0 = wino_nb, wino_nb1 = wino_nb * wino_b, wino_nb2 = wino_nb * wino_b * wino_b;

// Each transform works along one axis of a patch of vectors, from in[0], in[is] .. to out[0], out[os] ..

LIMBIC_INLINE void wino_input(const f32x16* in, int is, f32x16* out, int os) {  // B': 6 -> 6
  const f32x16 d1 = in[is], d2 = in[2 * is], d3 = in[3 * is], d4 = in[4 * is];
  const f32x16 minus_a2 = broadcast(-wino_a2), minus_b2 = broadcast(-wino_b2), minus_sum = broadcast(-wino_sum);
  const f32x16 p = fma(minus_b2, d2, d4), q = broadcast(wino_a1) * fma(minus_b2, d1, d3);
  const f32x16 r = fma(minus_a2, d2, d4), t = broadcast(wino_b1) * fma(minus_a2, d1, d3);
  const f32x16 first_row = fma(minus_sum, d2, in[0] + d4), last_row = fma(minus_sum, d3, d1 + in[5 * is]);
  out[0] = first_row, out[os] = p + q, out[2 * os] = p - q;
  out[3 * os] = r + t, out[4 * os] = r - t, out[5 * os] = last_row;
}

LIMBIC_INLINE void wino_output(const f32x16* m, int is, f32x16* y, int os) {  // A': 6 -> 4
  const f32x16 a = m[is] + m[2 * is], b = m[is] - m[2 * is], e = m[3 * is] + m[4 * is], f = m[3 * is] - m[4 * is];
  y[0] = m[0] + (a + e), y[os] = fma(broadcast(wino_b1), f, broadcast(wino_a1) * b);
  y[2 * os] = fma(broadcast(wino_b2), e, broadcast(wino_a2) * a);
  y[3 * os] = fma(broadcast(wino_b3), f, fma(broadcast(wino_a3), b, m[5 * is]));
}

LIMBIC_INLINE void wino_output_back(const f32x16* y, int is, f32x16* m, int os) {  // A: 4 -> 6
  const f32x16 y0 = y[0], y1 = y[is], y2 = y[2 * is], y3 = y[3 * is];
  const f32x16 even_a = fma(broadcast(wino_a2), y2, y0), even_b = fma(broadcast(wino_b2), y2, y0);
  const f32x16 odd_a = fma(broadcast(wino_a3), y3, broadcast(wino_a1) * y1);
  const f32x16 odd_b = fma(broadcast(wino_b3), y3, broadcast(wino_b1) * y1);
  m[0] = y0, m[os] = even_a + odd_a, m[2 * os] = even_a - odd_a;
  m[3 * os] = even_b + odd_b, m[4 * os] = even_b - odd_b, m[5 * os] = y3;
}

LIMBIC_INLINE void wino_filter(const f32x16* g, int is, f32x16* u, int os) {  // G: 3 -> 6
  const f32x16 even_a = fma(broadcast(wino_na2), g[2 * is], broadcast(wino_na0) * g[0]);
  const f32x16 even_b = fma(broadcast(wino_nb2), g[2 * is], broadcast(wino_nb0) * g[0]);
  const f32x16 odd_a = broadcast(wino_na1) * g[is], odd_b = broadcast(wino_nb1) * g[is];
  u[0] = g[0], u[os] = even_a + odd_a, u[2 * os] = even_a - odd_a;
  u[3 * os] = even_b + odd_b, u[4 * os] = even_b - odd_b, u[5 * os] = g[2 * is];
}

LIMBIC_INLINE void wino_filter_back(const f32x16* u, int is, f32x16* g, int os) {  // G': 6 -> 3
  const f32x16 a = u[is] + u[2 * is], b = u[is] - u[2 * is], e = u[3 * is] + u[4 * is], f = u[3 * is] - u[4 * is];
  g[0] = fma(broadcast(wino_nb0), e, fma(broadcast(wino_na0), a, u[0]));
  g[os] = fma(broadcast(wino_nb1), f, broadcast(wino_na1) * b);
  g[2 * os] = fma(broadcast(wino_nb2), e, fma(broadcast(wino_na2), a, u[5 * is]));
}

/// A map cut into tiles of 4x4 outputs, taken in sections that pass through cache one after the other.
struct WinoMap {
  int64_t N;
  int H, W, C, P, Q, K, pad_h, pad_w, down, across;

  WinoMap(int n, int h, int w, int c, int p, int q, int k, int padding_h, int padding_w)
      : N(n),
        H(h),
        W(w),
        C(c),
        P(p),
        Q(q),
        K(k),
        pad_h(padding_h),
        pad_w(padding_w),
        down(ceil_div(p, wino_out)),
        across(ceil_div(q, wino_out)) {}

  int64_t tiles() const { return N * down * across; }
};

struct WinoTile {
  int64_t n;
  int p, q;  // its first output
};
LIMBIC_INLINE WinoTile wino_tile(const WinoMap& map, int64_t t) {
  const int64_t n = t / (map.down * map.across), i = t % (map.down * map.across);
  return {n, static_cast<int>(i / map.across) * wino_out, static_cast<int>(i % map.across) * wino_out};
}

/// B' x B of one tile, 16 channels: out[f * point_stride] for f in 36. x points at channel c of image n.
LIMBIC_INLINE void wino_transform_input(const WinoMap& map, const float* x, WinoTile tile, float* out,
                                        int64_t point_stride) {
  f32x16 d[wino_points], e[wino_points];
  const int h0 = tile.p - map.pad_h, w0 = tile.q - map.pad_w;
  if (h0 >= 0 && w0 >= 0 && h0 + wino_in <= map.H && w0 + wino_in <= map.W) {
#pragma GCC unroll 6
    for (int i = 0; i < wino_in; ++i)
#pragma GCC unroll 6
      for (int j = 0; j < wino_in; ++j) d[i * wino_in + j] = load(x + (int64_t(h0 + i) * map.W + w0 + j) * map.C);
  } else {
    for (int i = 0; i < wino_in; ++i)
      for (int j = 0; j < wino_in; ++j) {
        const int h = h0 + i, w = w0 + j;
        const bool inside = h >= 0 && h < map.H && w >= 0 && w < map.W;
        d[i * wino_in + j] = inside ? load(x + (int64_t(h) * map.W + w) * map.C) : zero();
      }
  }
#pragma GCC unroll 6
  for (int j = 0; j < wino_in; ++j) wino_input(d + j, wino_in, e + j, wino_in);
#pragma GCC unroll 6
  for (int i = 0; i < wino_in; ++i) {
    f32x16 row[wino_in];
    wino_input(e + i * wino_in, 1, row, 1);
#pragma GCC unroll 6
    for (int j = 0; j < wino_in; ++j) store(out + (i * wino_in + j) * point_stride, row[j]);
  }
}

}  // namespace limbic::LIMBIC_ISA
