// SPDX-License-Identifier: Apache-2.0
// Forward and dx of 3x3 filters with stride 1, by Winograd's F(4x4, 3x3) or F(3x3, 3x3): a quarter, or a third, of the products.
// Idea: a section of tiles is transformed once for all output channels; then one register panel of channels after the
// other multiplies it at all frequencies into a buffer that stays in L2, and is transformed back from there.
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/conv2d/winograd.h"
#include "kernels/parallel.h"

namespace limbic::LIMBIC_ISA {
namespace {

constexpr int block_tiles = 28;  // share one pass over a panel's weights

/// A' m A of one tile, up to 16 channels at k; m: [points][stride].
template <class F, class T>
LIMBIC_INLINE void finish_tile(const WinoMap<F>& map, const float* m, int64_t stride, WinoTile tile,
                               const Conv2dEpilogue& epilogue, int k, T* y) {
  f32x16 d[F::points], e[F::out * F::in], o[F::out];
#pragma GCC unroll 36
  for (int f = 0; f < F::points; ++f) d[f] = load(m + f * stride);
#pragma GCC unroll 6
  for (int j = 0; j < F::in; ++j) F::output(d + j, F::in, e + j, F::in);
  const f32x16 mean = epilogue.mean ? load(epilogue.mean + k) : zero();
  const f32x16 scale = epilogue.scale ? load(epilogue.scale + k) : broadcast(1);
  const f32x16 shift = epilogue.shift ? load(epilogue.shift + k) : zero();
  const int rows = smaller(F::out, map.P - tile.p), cols = smaller(F::out, map.Q - tile.q);
  T* to = y + ((tile.n * map.P + tile.p) * map.Q + tile.q) * map.K + k;
#pragma GCC unroll 4
  for (int i = 0; i < F::out; ++i) {
    if (i >= rows) break;
    F::output(e + i * F::in, 1, o, 1);
#pragma GCC unroll 4
    for (int j = 0; j < F::out; ++j) {
      if (j >= cols) break;
      f32x16 value = fma(o[j] - mean, scale, shift);
      if (epilogue.relu) value = max(zero(), value);
      store(to + (int64_t(i) * map.Q + j) * map.K, value);
    }
  }
}

/// filters: [K/16][points][C][16]; section: room for [points][conv2d_winograd_section()][C+16], of which a small image
/// uses less.
template <class F, class T>
void run(const WinoMap<F>& map, const T* x, const float* filters, const Conv2dEpilogue& epilogue, T* y,
         float* section) {
  const int section_tiles = static_cast<int>(smaller(int64_t(conv2d_winograd_section(F::points, map.C)), map.tiles()));
  const int panels = ceil_div(map.K, tile_width);
  const int64_t pixel = map.C + 16, point = section_tiles * pixel, block_size = int64_t(F::points) * map.C * 16;
  for (int64_t t0 = 0; t0 < map.tiles(); t0 += section_tiles) {
    const int count = static_cast<int>(smaller(int64_t(section_tiles), map.tiles() - t0));
    const int groups = ceil_div(count, 4);
    parallel_for(groups, [&](int64_t group) {
      for (int t = static_cast<int>(group) * 4; t < smaller(count, static_cast<int>(group) * 4 + 4); ++t) {
        const WinoTile tile = wino_tile(map, t0 + t);
        const T* image = x + tile.n * map.H * map.W * map.C;
        for (int c = 0; c < map.C; c += 16) wino_transform_input(map, image + c, tile, section + t * pixel + c, point);
      }
    });
    const int blocks = ceil_div(count, block_tiles);
    parallel_for(int64_t(panels) * blocks, [&](int64_t task) {
      const int panel = static_cast<int>(task / blocks), block = static_cast<int>(task % blocks);
      const int first_t = piece_begin(count, blocks, block), last_t = piece_begin(count, blocks, block + 1);
      const int k0 = panel * tile_width, vectors = ceil_div(smaller(tile_width, map.K - k0), 16);
      const int size = last_t - first_t, pieces = ceil_div(size, tile_rows);
      alignas(64) float products[F::points * block_tiles * tile_width], chunk_sums[tile_rows * tile_width];
      const int chunks = ceil_div(map.C, chunk_depth);
      for (int f = 0; f < F::points; ++f)
        for (int i = 0; i < pieces; ++i) {
          const int begin = piece_begin(size, pieces, i), end = piece_begin(size, pieces, i + 1);
          float* const sums = products + (f * block_tiles + begin) * tile_width;
          for (int chunk = 0; chunk < chunks; ++chunk) {
            const int c0 = piece_begin(map.C, chunks, chunk), c1 = piece_begin(map.C, chunks, chunk + 1);
            const Tap tap{f * point + c0, (int64_t(f) * map.C + c0) * 16};
            product_tile_of(end - begin,
                            vectors)({section + (first_t + begin) * pixel, pixel, filters + k0 / 16 * block_size,
                                      block_size, &tap, 1, c1 - c0, false, chunk == 0 ? sums : chunk_sums});
            if (chunk == 0) continue;
            for (int j = 0; j < (end - begin) * tile_width; j += 16)
              store(sums + j, load(sums + j) + load(chunk_sums + j));
          }
        }
      for (int t = 0; t < size; ++t)
        for (int v = 0; v < vectors; ++v)
          finish_tile(map, products + t * tile_width + 16 * v, block_tiles * tile_width,
                      wino_tile(map, t0 + first_t + t), epilogue, k0 + 16 * v, y);
    });
  }
}

/// G g G' of 16 filters' taps g[9] into out[points][stride].
template <class F>
LIMBIC_INLINE void store_filter(const f32x16* g, float* out, int64_t stride) {
  f32x16 e[3 * F::in], u[F::in];
#pragma GCC unroll 3
  for (int s = 0; s < 3; ++s) F::filter(g + s, 3, e + s, 3);
#pragma GCC unroll 6
  for (int i = 0; i < F::in; ++i) {
    F::filter(e + 3 * i, 1, u, 1);
#pragma GCC unroll 6
    for (int j = 0; j < F::in; ++j) store(out + (i * F::in + j) * stride, u[j]);
  }
}

/// rows: 16 of 16 at w, `stride` apart, as the convolution reads them: rounded where maps are stored in bf16.
LIMBIC_INLINE void read_rows(const float* w, int64_t stride, StoredAs<float>, float* rows) {
  for (int i = 0; i < 16; ++i) store(rows + 16 * i, load(w + i * stride));
}
template <class In>
LIMBIC_INLINE void read_rows(const In* w, int64_t stride, StoredAs<bf16>, float* rows) {
  for (int i = 0; i < 16; ++i) store(rows + 16 * i, rounded_to_bf16(load(w + i * stride)));
}

template <class F, class In, class T>
void prepare(const Conv2dDims& d, const In* w, float* out, StoredAs<T> stored) {
  const int blocks = d.K / 16;
  parallel_for(int64_t(blocks) * (d.C / 16), [&](int64_t task) {
    const int64_t block = task / (d.C / 16), c0 = task % (d.C / 16) * 16;
    float rows[256], taps[9][256];  // [filter][channel], [tap][channel][filter]
    for (int tap = 0; tap < 9; ++tap) {
      read_rows(w + (block * 16 * 9 + tap) * d.C + c0, int64_t(9) * d.C, stored, rows);
      transpose_16x16(rows, 16, taps[tap], 16);
    }
    for (int c = 0; c < 16; ++c) {
      f32x16 g[9];
      for (int tap = 0; tap < 9; ++tap) g[tap] = load(taps[tap] + 16 * c);
      store_filter<F>(g, out + block * F::points * d.C * 16 + (c0 + c) * 16, int64_t(d.C) * 16);
    }
  });
}

template <class F, class T>
void forward(const Conv2dDims& d, const T* x, const T* w, const float* prepared, const Conv2dEpilogue& epilogue, T* y,
             float* scratch) {
  float* section = scratch;
  if (!prepared) {
    prepare<F>(d, w, scratch, StoredAs<T>{});
    prepared = scratch;
    section += int64_t(F::points) * d.C * d.K;
  }
  const WinoMap<F> map(d.N, d.H, d.W, d.C, d.P(), d.Q(), d.K, d.pad_h, d.pad_w);
  run(map, x, prepared, epilogue, y, section);
}

template <class T>
void prepare_by_tile(const Conv2dDims& d, const float* w, float* out, StoredAs<T> stored) {
  if (conv2d_winograd_out(d.P(), d.Q()) == 3) return prepare<Wino<3>>(d, w, out, stored);
  prepare<Wino<4>>(d, w, out, stored);
}

template <class T>
void forward_by_tile(const Conv2dDims& d, const T* x, const T* w, const float* prepared, const Conv2dEpilogue& epilogue,
                     T* y, float* scratch) {
  const auto run = conv2d_winograd_out(d.P(), d.Q()) == 3 ? forward<Wino<3>, T> : forward<Wino<4>, T>;
  run(d, x, w, prepared, epilogue, y, scratch);
}

/// dx is a convolution of dy with the filters turned round and channels exchanged.
template <class F>
void backward(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch) {
  parallel_for(int64_t(d.C / 16) * (d.K / 16), [&](int64_t task) {
    const int64_t block = task / (d.K / 16), k0 = task % (d.K / 16) * 16;
    for (int64_t k = k0; k < k0 + 16; ++k) {
      f32x16 g[9];
      for (int tap = 0; tap < 9; ++tap) g[tap] = load(w + (k * 9 + 8 - tap) * d.C + block * 16);
      store_filter<F>(g, scratch + block * F::points * d.K * 16 + k * 16, int64_t(d.K) * 16);
    }
  });
  const WinoMap<F> map(d.N, d.P(), d.Q(), d.K, d.H, d.W, d.C, 2 - d.pad_h, 2 - d.pad_w);
  run(map, dy, scratch, {}, dx, scratch + int64_t(F::points) * d.C * d.K);
}

}  // namespace

void conv2d_prepare_cpu_winograd(const Conv2dDims& d, const float* w, float* out, StoredAs<float> stored) {
  prepare_by_tile(d, w, out, stored);
}
void conv2d_prepare_cpu_winograd(const Conv2dDims& d, const float* w, float* out, StoredAs<bf16> stored) {
  prepare_by_tile(d, w, out, stored);
}

void conv2d_fwd_cpu_winograd(const Conv2dDims& d, const float* x, const float* w, const float* prepared,
                             const Conv2dEpilogue& epilogue, float* y, float* scratch, Stream) {
  forward_by_tile(d, x, w, prepared, epilogue, y, scratch);
}
void conv2d_fwd_cpu_winograd(const Conv2dDims& d, const bf16* x, const bf16* w, const float* prepared,
                             const Conv2dEpilogue& epilogue, bf16* y, float* scratch, Stream) {
  forward_by_tile(d, x, w, prepared, epilogue, y, scratch);
}

void conv2d_dx_cpu_winograd(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch, Stream) {
  (conv2d_winograd_out(d.H, d.W) == 3 ? backward<Wino<3>> : backward<Wino<4>>)(d, dy, w, dx, scratch);
}

}  // namespace limbic::LIMBIC_ISA
