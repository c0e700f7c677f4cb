// SPDX-License-Identifier: Apache-2.0
// The two register tiles under every convolution and matrix product of the CPU. Both hold rows x 16*vectors sums in
// registers, and both add to each sum one product after the other, in the order of the input: how large the tile is
// (it differs between instruction sets) never changes a bit. A long sum is cut into chunks of some chunk_depth
// products, each summed from zero: the rounding error then grows with the square root of a chunk, not of the whole sum.
#pragma once
#include "kernels/counts.h"
#include "kernels/simd.h"

namespace limbic::LIMBIC_ISA {

#ifdef LIMBIC_ISA_avx512
constexpr int tile_rows = 14, tile_vectors = 2;  // 28 of 32 registers hold sums
#else
constexpr int tile_rows = 6, tile_vectors = 1;  // 12 of 16
#endif
constexpr int tile_width = 16 * tile_vectors;
constexpr int chunk_depth = 256;

/// Where piece i in [0, pieces) of `length`, cut into nearly equal pieces, starts.
LIMBIC_INLINE int piece_begin(int length, int pieces, int i) { return static_cast<int>(int64_t(length) * i / pieces); }

/// Where one tap of a filter finds its inputs and its weights, in elements.
struct Tap {
  int64_t x, w;
};

/// sums[i][lane] += sum over taps and c < depth of x[tap.x + i*row_stride + c] * w[tap.w + c*16 + lane]; the second
/// vector's weights lie w_vector elements behind the first's.
template <class W>  // float or bf16: how the weights are stored
struct ProductTile {
  const float* x;
  int64_t row_stride;
  const W* w;  // packed [depth][16]
  int64_t w_vector;
  const Tap* taps;
  int n_taps;
  int depth;
  bool resume;  // go on from what `sums` holds, else from zero
  float* sums;  // [rows][tile_width]
};

template <class W, int rows, int vectors>
void product_tile(const ProductTile<W>& t) {
  constexpr int quads = (rows + 3) / 4;
  f32x16 sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[i][v] = t.resume ? load(t.sums + i * tile_width + v * 16) : zero();
  const int64_t stride = t.row_stride;
  for (int tap = 0; tap < t.n_taps; ++tap) {
    const float* x[quads];
#pragma GCC unroll 4
    for (int q = 0; q < quads; ++q) x[q] = t.x + t.taps[tap].x + 4 * q * stride;
    const W* w = t.w + t.taps[tap].w;
    const W* w2 = w + t.w_vector;
    const auto step = [&](int c) __attribute__((always_inline)) {
      f32x16 weight[vectors];
      weight[0] = load(w + 16 * c);
      if constexpr (vectors > 1) weight[1] = load(w2 + 16 * c);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const f32x16 input = broadcast(x[i / 4][i % 4 * stride + c]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[i][v] = fma(input, weight[v], sums[i][v]);
      }
    };
    int left = t.depth;
    for (; left >= 4; left -= 4) {
      step(0), step(1), step(2), step(3);
#pragma GCC unroll 4
      for (int q = 0; q < quads; ++q) x[q] += 4;
      w += 64, w2 += 64;
    }
    for (; left > 0; --left) {
      step(0);
#pragma GCC unroll 4
      for (int q = 0; q < quads; ++q) x[q] += 1;
      w += 16, w2 += 16;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(t.sums + i * tile_width + v * 16, sums[i][v]);
}

/// sums[i][lane] = sum over rows h < height and pixels w < width of scalars[h,w,i] * vectors[h,w,lane]: the outer
/// products of two maps, summed from zero in the order of the pixels.
struct OuterTile {
  const float* scalars;
  int64_t scalar_row, scalar_pixel;
  const float* vectors;
  int64_t vector_row, vector_pixel;
  int height, width;
  int lanes;    // valid lanes, of which the last vector may have fewer than 16
  float* sums;  // [rows][tile_width]
};

template <int rows, int vectors, bool partial>
void outer_tile(const OuterTile& t) {
  f32x16 sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[i][v] = zero();
  const mask16 tail = first(t.lanes - 16 * (vectors - 1));
  for (int h = 0; h < t.height; ++h) {
    const float* a = t.scalars + h * t.scalar_row;
    const float* b = t.vectors + h * t.vector_row;
    for (int w = 0; w < t.width; ++w, a += t.scalar_pixel, b += t.vector_pixel) {
      f32x16 vector[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v)
        vector[v] = partial && v == vectors - 1 ? load(b + 16 * v, tail) : load(b + 16 * v);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const f32x16 scalar = broadcast(a[i]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sums[i][v] = fma(scalar, vector[v], sums[i][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(t.sums + i * tile_width + v * 16, sums[i][v]);
}

template <class W>
using ProductTileFn = void(const ProductTile<W>&);
using OuterTileFn = void(const OuterTile&);

#ifdef LIMBIC_ISA_avx512
#define LIMBIC_EACH_TILE_ROWS(...)                                                                           \
  {                                                                                                          \
    nullptr, __VA_ARGS__(1), __VA_ARGS__(2), __VA_ARGS__(3), __VA_ARGS__(4), __VA_ARGS__(5), __VA_ARGS__(6), \
        __VA_ARGS__(7), __VA_ARGS__(8), __VA_ARGS__(9), __VA_ARGS__(10), __VA_ARGS__(11), __VA_ARGS__(12),   \
        __VA_ARGS__(13), __VA_ARGS__(14)                                                                     \
  }
#else
#define LIMBIC_EACH_TILE_ROWS(...) \
  { nullptr, __VA_ARGS__(1), __VA_ARGS__(2), __VA_ARGS__(3), __VA_ARGS__(4), __VA_ARGS__(5), __VA_ARGS__(6) }
#endif

/// The product tile of `rows` (1..tile_rows) x `vectors` (1..tile_vectors).
template <class W = float>
LIMBIC_INLINE ProductTileFn<W>* product_tile_of(int rows, int vectors) {
#define ONE(rows) product_tile<W, rows, 1>
#define ALL(rows) product_tile<W, rows, tile_vectors>
  static constexpr ProductTileFn<W>* one[] = LIMBIC_EACH_TILE_ROWS(ONE);
  static constexpr ProductTileFn<W>* all[] = LIMBIC_EACH_TILE_ROWS(ALL);
  return vectors == 1 ? one[rows] : all[rows];
#undef ONE
#undef ALL
}

/// The outer tile of `rows` x as many vectors as `width` (1..tile_width) needs.
LIMBIC_INLINE OuterTileFn* outer_tile_of(int rows, int width) {
#define ONE(rows) outer_tile<rows, 1, false>
#define ALL(rows) outer_tile<rows, tile_vectors, false>
#define ONE_PARTIAL(rows) outer_tile<rows, 1, true>
#define ALL_PARTIAL(rows) outer_tile<rows, tile_vectors, true>
  static constexpr OuterTileFn* one[] = LIMBIC_EACH_TILE_ROWS(ONE);
  static constexpr OuterTileFn* all[] = LIMBIC_EACH_TILE_ROWS(ALL);
  static constexpr OuterTileFn* one_partial[] = LIMBIC_EACH_TILE_ROWS(ONE_PARTIAL);
  static constexpr OuterTileFn* all_partial[] = LIMBIC_EACH_TILE_ROWS(ALL_PARTIAL);
  if (width <= 16) return width == 16 ? one[rows] : one_partial[rows];
  return width == 32 ? all[rows] : all_partial[rows];
#undef ONE
#undef ALL
#undef ONE_PARTIAL
#undef ALL_PARTIAL
}

}  // namespace limbic::LIMBIC_ISA
