// SPDX-License-Identifier: Apache-2.0
// Idea: lanes run across 16 or 32 columns of C, a register tile holds them for several rows. A task packs a slice of
// B's columns [256 of K][16] on its stack and lets all its rows of A pass by; A's elements are broadcast from its rows
// (copied to rows of K+16 floats when it comes transposed, or when its rows would all fall on the same cache sets).
#include "kernels/matmul/matmul_cpu.h"
#include "kernels/parallel.h"
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {
namespace {

constexpr int depth_block = chunk_depth;    // a slice of B this deep stays in L1 or L2 while the rows pass by
constexpr int strip_rows = 64 * tile_rows;  // enough to make packing cheap

/// to[c][r] = from[r][c] for a block of at most 16 x 16.
LIMBIC_INLINE void transpose_block(const float* from, int64_t from_stride, int rows, int cols, float* to,
                                   int64_t to_stride) {
  if (rows == 16 && cols == 16) return transpose_16x16(from, from_stride, to, to_stride);
  for (int c = 0; c < cols; ++c)
    for (int r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
}

/// Columns n0 .. n0+15 of B, from k0 on: panel [depth][16], filled up with zeros.
void pack_b(const MatmulDims& d, const float* b, int n0, int k0, int depth, float* panel) {
  const int count = smaller(16, d.N - n0);
  if (!d.trans_b) {
    const mask16 valid = first(count);
    for (int64_t k = 0; k < depth; ++k) {
      prefetch(b + smaller(k0 + k + 24, int64_t(d.K) - 1) * d.N + n0);  // each row is on another page
      store(panel + 16 * k, load(b + (k0 + k) * d.N + n0, valid));
    }
    return;
  }
  if (count < 16)
    for (int k = 0; k < depth; ++k) store(panel + 16 * k, zero());
  for (int k = 0; k < depth; k += 16)
    transpose_block(b + int64_t(n0) * d.K + k0 + k, d.K, count, smaller(16, depth - k), panel + 16 * k, 16);
}

}  // namespace

void matmul_fwd_cpu_packed(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                           float* scratch, Stream) {
  const int64_t a_size = int64_t(d.M) * d.K, b_size = int64_t(d.K) * d.N;
  float* const rows_of_a = scratch;  // [batch][M][K+16]
  const bool copy_a = matmul_copies_a_cpu_packed(d);
  const int64_t a_stride = copy_a ? d.K + 16 : d.K;

  if (copy_a) {
    const int row_blocks = ceil_div(d.M, 16);
    parallel_for(int64_t(d.batch) * row_blocks, [&](int64_t task) {
      const int64_t i = task / row_blocks, m0 = task % row_blocks * 16;
      const int rows = smaller(16, static_cast<int>(d.M - m0));
      const float* from = a + i * a_size;
      float* to = rows_of_a + (i * d.M + m0) * a_stride;
      for (int64_t k = 0; k < d.K; k += 16) {
        const int cols = smaller(16, static_cast<int>(d.K - k));
        if (d.trans_a) {
          transpose_block(from + k * d.M + m0, d.M, cols, rows, to + k, a_stride);
        } else {
          for (int m = 0; m < rows; ++m)
            store(to + m * a_stride + k, load(from + (m0 + m) * d.K + k, first(cols)), first(cols));
        }
      }
    });
  }
  const int panels = ceil_div(d.N, tile_width), strips = ceil_div(d.M, strip_rows);
  parallel_for(int64_t(d.batch) * panels * strips, [&](int64_t task) {
    const int64_t i = task / strips / panels;
    const int strip = static_cast<int>(task % strips), n0 = static_cast<int>(task / strips % panels) * tile_width;
    const int count = smaller(tile_width, d.N - n0), vectors = ceil_div(count, 16);
    const int first_m = piece_begin(d.M, strips, strip), last_m = piece_begin(d.M, strips, strip + 1);
    const int pieces = ceil_div(last_m - first_m, tile_rows);
    const float* from = copy_a ? rows_of_a + i * d.M * a_stride : a + i * a_size;
    alignas(64) float sums[tile_rows * tile_width], panel[tile_vectors * depth_block * 16];
    for (int k0 = 0; k0 < larger(d.K, 1); k0 += depth_block) {
      const int depth = smaller(depth_block, d.K - k0);
      const Tap all{k0, 0};
      for (int v = 0; v < vectors; ++v) pack_b(d, b + i * b_size, n0 + 16 * v, k0, depth, panel + v * depth_block * 16);
      const bool last = k0 + depth_block >= d.K;
      for (int piece = 0; piece < pieces; ++piece) {
        const int m0 = first_m + piece_begin(last_m - first_m, pieces, piece);
        const int m1 = first_m + piece_begin(last_m - first_m, pieces, piece + 1);
        const auto each_vector = [&](const auto& body) {
          for (int m = m0; m < m1; ++m)
            for (int v = 0; v < count; v += 16)
              body(sums + (m - m0) * tile_width + v, c + (i * d.M + m) * d.N + n0 + v, v,
                   first(smaller(16, count - v)));
        };
        product_tile_of(
            m1 - m0, vectors)({from + m0 * a_stride, a_stride, panel, 16 * depth_block, &all, 1, depth, false, sums});
        each_vector([&](const float* sum, float* to, int v, mask16 m) {
          f32x16 value = load(sum);
          if (k0 > 0) value = load(to, m) + value;
          store(to, last && bias ? value + load(bias + n0 + v, m) : value, m);
        });
      }
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
