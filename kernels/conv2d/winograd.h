// SPDX-License-Identifier: Apache-2.0
// Winograd's F(m x m, 3x3): a tile of m x m outputs from inputs of two more each way, with as many products as it has
// inputs (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015): y = A' [(G g G') * (B' x B)] A,
// summed over channels between the brackets. One matrix product for each frequency does that sum; its gradient runs
// the same way back. F(4x4) has 36 products for 16 outputs, F(3x3) 25 for 9: more an output, but fewer beyond the
// border of a map that it divides better.
#pragma once
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {

// Each transform works along one axis of a patch of vectors, from in[0], in[is] .. to out[0], out[os] ..
template <int m>
struct Wino;

// The polynomials are evaluated at 0, +-a, +-b and infinity with a = 2/3, b = 3/2. Against the usual 1 and 2 that
// halves the rounding error (rms 4.0e-7 of the maximum instead of 8.8e-7 over 256 channels; a direct sum has 1.7e-7):
// points and their reciprocals in even steps keep all powers near 1 (Alam et al., "Winograd convolution for deep neural
// networks: efficient point selection", 2022). ab = 1 saves the products at both ends.
template <>
struct Wino<4> {
  static constexpr int out = 4, in = 6, points = 36;
  static constexpr double a = 2.0 / 3, b = 3.0 / 2;
  static constexpr float a1 = a, a2 = a * a, a3 = a * a * a, b1 = b, b2 = b * b, b3 = b * b * b, a2_b2 = a * a + b * b;
  // 1 / (product of the differences between +-a, or +-b, and the other points)
  static constexpr double na = 1 / (2 * a * a * (a * a - b * b)), nb = 1 / (2 * b * b * (b * b - a * a));
  static constexpr float na0 = na, na1 = na * a, na2 = na * a * a, nb0 = nb, nb1 = nb * b, nb2 = nb * b * b;

  LIMBIC_INLINE void input(const f32x16* x, int is, f32x16* to, int os) {  // B': 6 -> 6
    const f32x16 d1 = x[is], d2 = x[2 * is], d3 = x[3 * is], d4 = x[4 * is];
    const f32x16 minus_a2 = broadcast(-a2), minus_b2 = broadcast(-b2), minus_sum = broadcast(-a2_b2);
    const f32x16 p = fma(minus_b2, d2, d4), q = broadcast(a1) * fma(minus_b2, d1, d3);
    const f32x16 r = fma(minus_a2, d2, d4), t = broadcast(b1) * fma(minus_a2, d1, d3);
    const f32x16 first_row = fma(minus_sum, d2, x[0] + d4), last_row = fma(minus_sum, d3, d1 + x[5 * is]);
    to[0] = first_row, to[os] = p + q, to[2 * os] = p - q;
    to[3 * os] = r + t, to[4 * os] = r - t, to[5 * os] = last_row;
  }

  LIMBIC_INLINE void output(const f32x16* m, int is, f32x16* y, int os) {  // A': 6 -> 4
    const f32x16 even_a = m[is] + m[2 * is], odd_a = m[is] - m[2 * is];
    const f32x16 even_b = m[3 * is] + m[4 * is], odd_b = m[3 * is] - m[4 * is];
    y[0] = m[0] + (even_a + even_b), y[os] = fma(broadcast(b1), odd_b, broadcast(a1) * odd_a);
    y[2 * os] = fma(broadcast(b2), even_b, broadcast(a2) * even_a);
    y[3 * os] = fma(broadcast(b3), odd_b, fma(broadcast(a3), odd_a, m[5 * is]));
  }

  LIMBIC_INLINE void output_back(const f32x16* y, int is, f32x16* m, int os) {  // A: 4 -> 6
    const f32x16 y0 = y[0], y1 = y[is], y2 = y[2 * is], y3 = y[3 * is];
    const f32x16 even_a = fma(broadcast(a2), y2, y0), even_b = fma(broadcast(b2), y2, y0);
    const f32x16 odd_a = fma(broadcast(a3), y3, broadcast(a1) * y1);
    const f32x16 odd_b = fma(broadcast(b3), y3, broadcast(b1) * y1);
    m[0] = y0, m[os] = even_a + odd_a, m[2 * os] = even_a - odd_a;
    m[3 * os] = even_b + odd_b, m[4 * os] = even_b - odd_b, m[5 * os] = y3;
  }

  LIMBIC_INLINE void filter(const f32x16* g, int is, f32x16* u, int os) {  // G: 3 -> 6
    const f32x16 even_a = fma(broadcast(na2), g[2 * is], broadcast(na0) * g[0]);
    const f32x16 even_b = fma(broadcast(nb2), g[2 * is], broadcast(nb0) * g[0]);
    const f32x16 odd_a = broadcast(na1) * g[is], odd_b = broadcast(nb1) * g[is];
    u[0] = g[0], u[os] = even_a + odd_a, u[2 * os] = even_a - odd_a;
    u[3 * os] = even_b + odd_b, u[4 * os] = even_b - odd_b, u[5 * os] = g[2 * is];
  }

  LIMBIC_INLINE void filter_back(const f32x16* u, int is, f32x16* g, int os) {  // G': 6 -> 3
    const f32x16 even_a = u[is] + u[2 * is], odd_a = u[is] - u[2 * is];
    const f32x16 even_b = u[3 * is] + u[4 * is], odd_b = u[3 * is] - u[4 * is];
    g[0] = fma(broadcast(nb0), even_b, fma(broadcast(na0), even_a, u[0]));
    g[os] = fma(broadcast(nb1), odd_b, broadcast(na1) * odd_a);
    g[2 * os] = fma(broadcast(nb2), even_b, fma(broadcast(na2), even_a, u[5 * is]));
  }
};

// At +-a, +-b and infinity with a = 3/8, b = 11/8, whose products up to a2 + b2 are exact. Found by trying pairs: rms
// 2.4e-7 of the maximum over 256 channels, where 0, +-1, 1/2 and infinity have 4.9e-7 (0, +-1, 2: 5.5e-7).
template <>
struct Wino<3> {
  static constexpr int out = 3, in = 5, points = 25;
  static constexpr double a = 3.0 / 8, b = 11.0 / 8;
  static constexpr float a1 = a, a2 = a * a, b1 = b, b2 = b * b, a2_b2 = a * a + b * b, ab_squared = a * a * b * b;
  static constexpr double na = 1 / (2 * a * (a * a - b * b)), nb = 1 / (2 * b * (b * b - a * a));
  static constexpr float na0 = na, na1 = na * a, na2 = na * a * a, nb0 = nb, nb1 = nb * b, nb2 = nb * b * b;

  LIMBIC_INLINE void input(const f32x16* x, int is, f32x16* to, int os) {  // B': 5 -> 5
    const f32x16 d0 = x[0], d1 = x[is], d2 = x[2 * is], d3 = x[3 * is];
    const f32x16 minus_a2 = broadcast(-a2), minus_b2 = broadcast(-b2);
    const f32x16 p = fma(minus_b2, d1, d3), q = broadcast(a1) * fma(minus_b2, d0, d2);
    const f32x16 r = fma(minus_a2, d1, d3), t = broadcast(b1) * fma(minus_a2, d0, d2);
    const f32x16 last_row = fma(broadcast(ab_squared), d0, fma(broadcast(-a2_b2), d2, x[4 * is]));
    to[0] = p + q, to[os] = p - q, to[2 * os] = r + t, to[3 * os] = r - t, to[4 * os] = last_row;
  }

  LIMBIC_INLINE void output(const f32x16* m, int is, f32x16* y, int os) {  // A': 5 -> 3
    const f32x16 even_a = m[0] + m[is], odd_a = m[0] - m[is];
    const f32x16 even_b = m[2 * is] + m[3 * is], odd_b = m[2 * is] - m[3 * is];
    y[0] = even_a + even_b, y[os] = fma(broadcast(b1), odd_b, broadcast(a1) * odd_a);
    y[2 * os] = fma(broadcast(b2), even_b, fma(broadcast(a2), even_a, m[4 * is]));
  }

  LIMBIC_INLINE void filter(const f32x16* g, int is, f32x16* u, int os) {  // G: 3 -> 5
    const f32x16 even_a = fma(broadcast(na2), g[2 * is], broadcast(na0) * g[0]);
    const f32x16 even_b = fma(broadcast(nb2), g[2 * is], broadcast(nb0) * g[0]);
    const f32x16 odd_a = broadcast(na1) * g[is], odd_b = broadcast(nb1) * g[is];
    u[0] = odd_a + even_a, u[os] = odd_a - even_a, u[2 * os] = odd_b + even_b, u[3 * os] = odd_b - even_b;
    u[4 * os] = g[2 * is];
  }
};

/// A map cut into tiles of F::out x F::out outputs, taken in sections that pass through cache one after the other.
template <class F>
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
        down(ceil_div(p, F::out)),
        across(ceil_div(q, F::out)) {}

  int64_t tiles() const { return N * down * across; }
};

struct WinoTile {
  int64_t n;
  int p, q;  // its first output
};
template <class F>
LIMBIC_INLINE WinoTile wino_tile(const WinoMap<F>& map, int64_t t) {
  const int64_t n = t / (map.down * map.across), i = t % (map.down * map.across);
  return {n, static_cast<int>(i / map.across) * F::out, static_cast<int>(i % map.across) * F::out};
}

/// B' x B of one tile, 16 channels: out[f * point_stride] for each frequency f. x points at channel c of image n.
template <class F, class T>
LIMBIC_INLINE void wino_transform_input(const WinoMap<F>& map, const T* x, WinoTile tile, float* out,
                                        int64_t point_stride) {
  constexpr int in = F::in;
  f32x16 d[F::points], e[F::points];
  const int h0 = tile.p - map.pad_h, w0 = tile.q - map.pad_w;
  if (h0 >= 0 && w0 >= 0 && h0 + in <= map.H && w0 + in <= map.W) {
#pragma GCC unroll 6
    for (int i = 0; i < in; ++i)
#pragma GCC unroll 6
      for (int j = 0; j < in; ++j) d[i * in + j] = load(x + (int64_t(h0 + i) * map.W + w0 + j) * map.C);
  } else {
    for (int i = 0; i < in; ++i)
      for (int j = 0; j < in; ++j) {
        const int h = h0 + i, w = w0 + j;
        const bool inside = h >= 0 && h < map.H && w >= 0 && w < map.W;
        d[i * in + j] = inside ? load(x + (int64_t(h) * map.W + w) * map.C) : zero();
      }
  }
#pragma GCC unroll 6
  for (int j = 0; j < in; ++j) F::input(d + j, in, e + j, in);
#pragma GCC unroll 6
  for (int i = 0; i < in; ++i) {
    f32x16 row[in];
    F::input(e + i * in, 1, row, 1);
#pragma GCC unroll 6
    for (int j = 0; j < in; ++j) store(out + (i * in + j) * point_stride, row[j]);
  }
}

}  // namespace limbic::LIMBIC_ISA
