// SPDX-License-Identifier: Apache-2.0
// dw of 3x3 filters with stride 1: the gradient of Winograd's F(4x4, 3x3), run backwards step by step. At each of 36
// frequencies the transformed x and dy of a section of tiles are multiplied into a [K,C] matrix; sections are added in
// order, and the 36 matrices are transformed to the 9 taps at the end.
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/conv2d/winograd.h"
#include "kernels/parallel.h"

namespace limbic::LIMBIC_ISA {
namespace {

using F = Wino<4>;

/// A dy A' of one tile, 16 channels: out[f * point_stride].
void transform_dy(const WinoMap<F>& map, const float* dy, WinoTile tile, float* out, int64_t point_stride) {
  f32x16 d[F::out * F::out], e[F::in * F::out];
  const int rows = smaller(F::out, map.P - tile.p), cols = smaller(F::out, map.Q - tile.q);
  const float* from = dy + ((tile.n * map.P + tile.p) * map.Q + tile.q) * map.K;
#pragma GCC unroll 4
  for (int i = 0; i < F::out; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < F::out; ++j)
      d[i * F::out + j] = i < rows && j < cols ? load(from + (int64_t(i) * map.Q + j) * map.K) : zero();
#pragma GCC unroll 4
  for (int j = 0; j < F::out; ++j) F::output_back(d + j, F::out, e + j, F::out);
#pragma GCC unroll 6
  for (int i = 0; i < F::in; ++i) {
    f32x16 row[F::in];
    F::output_back(e + i * F::out, 1, row, 1);
#pragma GCC unroll 6
    for (int j = 0; j < F::in; ++j) store(out + (i * F::in + j) * point_stride, row[j]);
  }
}

/// to[row][lane] = (first section ? 0 : to) + sums.
void add_sums(const float* sums, int rows, int width, bool first_section, float* to, int64_t to_stride) {
  for (int i = 0; i < rows; ++i, sums += tile_width, to += to_stride)
    for (int v = 0; v < width; v += 16) store(to + v, first_section ? load(sums + v) : load(to + v) + load(sums + v));
}

}  // namespace

void conv2d_dw_cpu_winograd(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* scratch, Stream) {
  const WinoMap<F> map(d.N, d.H, d.W, d.C, d.P(), d.Q(), d.K, d.pad_h, d.pad_w);
  const int section_tiles = conv2d_winograd_dw_section(larger(d.C, d.K));
  const int64_t x_pixel = d.C + 16, y_pixel = d.K + 16, x_point = section_tiles * x_pixel;
  const int64_t y_point = section_tiles * y_pixel, matrix = int64_t(d.K) * d.C;
  float* const xs = scratch + F::points * matrix;  // [36][tiles][C+16]
  float* const ys = xs + F::points * x_point;      // [36][tiles][K+16]
  for (int64_t t0 = 0; t0 < map.tiles(); t0 += section_tiles) {
    const int count = static_cast<int>(smaller(int64_t(section_tiles), map.tiles() - t0));
    parallel_for(ceil_div(count, 4), [&](int64_t group) {
      for (int t = static_cast<int>(group) * 4; t < smaller(count, static_cast<int>(group) * 4 + 4); ++t) {
        const WinoTile tile = wino_tile(map, t0 + t);
        const float* image = x + tile.n * d.H * d.W * d.C;
        for (int c = 0; c < d.C; c += 16) wino_transform_input(map, image + c, tile, xs + t * x_pixel + c, x_point);
        for (int k = 0; k < d.K; k += 16) transform_dy(map, dy + k, tile, ys + t * y_pixel + k, y_point);
      }
    });
    const int parts = ceil_div(d.K, 8 * tile_rows);
    parallel_for(int64_t(F::points) * parts, [&](int64_t task) {
      const int64_t f = task / parts;
      const int part = static_cast<int>(task % parts);
      const int first_k = piece_begin(d.K, parts, part), last_k = piece_begin(d.K, parts, part + 1);
      const int pieces = ceil_div(last_k - first_k, tile_rows);
      alignas(64) float sums[tile_rows * tile_width];
      for (int c = 0; c < d.C; c += tile_width)
        for (int i = 0; i < pieces; ++i) {
          const int k0 = first_k + piece_begin(last_k - first_k, pieces, i);
          const int k1 = first_k + piece_begin(last_k - first_k, pieces, i + 1);
          const int width = smaller(tile_width, d.C - c);
          outer_tile_of(k1 - k0, width)(
              {ys + f * y_point + k0, 0, y_pixel, xs + f * x_point + c, 0, x_pixel, 1, count, width, sums});
          add_sums(sums, k1 - k0, width, t0 == 0, scratch + f * matrix + int64_t(k0) * d.C + c, d.C);
        }
    });
  }
  parallel_for(d.K, [&](int64_t k) {
    for (int c = 0; c < d.C; c += 16) {
      f32x16 u[F::points], e[18], g[3];
#pragma GCC unroll 36
      for (int f = 0; f < F::points; ++f) u[f] = load(scratch + f * matrix + k * d.C + c);
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j) F::filter_back(u + j, 6, e + j, 6);
#pragma GCC unroll 3
      for (int r = 0; r < 3; ++r) {
        F::filter_back(e + 6 * r, 1, g, 1);
#pragma GCC unroll 3
        for (int s = 0; s < 3; ++s) store(dw + (k * 9 + r * 3 + s) * d.C + c, g[s]);
      }
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
