// SPDX-License-Identifier: Apache-2.0
// Idea: lanes run across 16 or 32 columns of C, a register tile holds them for several rows; B is packed into panels
// [N/16][K][16] that are read front to back, A's elements are broadcast from its rows (copied to rows of K+16 floats
// when it comes transposed, or when its rows would all fall on the same cache sets).
#include "kernels/matmul/matmul_cpu.h"
#include "kernels/parallel.h"
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {
namespace {

constexpr int depth_block = 512;  // a panel's slice of this depth stays in L2 while all rows pass by

/// to[c][r] = from[r][c] for a block of at most 16 x 16.
LIMBIC_INLINE void transpose_block(const float* from, int64_t from_stride, int rows, int cols, float* to,
                                   int64_t to_stride) {
  if (rows == 16 && cols == 16) return transpose_16x16(from, from_stride, to, to_stride);
  for (int c = 0; c < cols; ++c)
    for (int r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
}

void pack_b(const MatmulDims& d, const float* b, int n0, float* panel) {
  const int count = smaller(16, d.N - n0);
  if (!d.trans_b) {
    for (int64_t k = 0; k < d.K; ++k) store(panel + 16 * k, load(b + k * d.N + n0, first(count)));
    return;
  }
  if (count < 16)
    for (int64_t k = 0; k < d.K; ++k) store(panel + 16 * k, zero());
  for (int k = 0; k < d.K; k += 16)
    transpose_block(b + int64_t(n0) * d.K + k, d.K, count, smaller(16, d.K - k), panel + 16 * k, 16);
}

}  // namespace

void matmul_fwd_cpu_packed(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                           float* scratch, Stream) {
  const int64_t blocks = ceil_div(d.N, 16), a_size = int64_t(d.M) * d.K, b_size = int64_t(d.K) * d.N;
  float* packed = scratch;                                            // [batch][N/16][K][16]
  float* rows_of_a = scratch + d.batch * blocks * 16 * int64_t(d.K);  // [batch][M][K+16]
  const bool copy_a = d.trans_a || (d.K % 256 == 0 && d.M > 4);
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
  parallel_for(d.batch * blocks, [&](int64_t task) {
    pack_b(d, b + task / blocks * b_size, static_cast<int>(task % blocks) * 16, packed + task * 16 * d.K);
  });

  const int panels = ceil_div(d.N, tile_width), strips = ceil_div(d.M, 16 * tile_rows);
  parallel_for(int64_t(d.batch) * panels * strips, [&](int64_t task) {
    const int64_t i = task / strips / panels;
    const int strip = static_cast<int>(task % strips), n0 = static_cast<int>(task / strips % panels) * tile_width;
    const int count = smaller(tile_width, d.N - n0), vectors = ceil_div(count, 16);
    const int first_m = piece_begin(d.M, strips, strip), last_m = piece_begin(d.M, strips, strip + 1);
    const int pieces = ceil_div(last_m - first_m, tile_rows);
    const float* from = copy_a ? rows_of_a + i * d.M * a_stride : a + i * a_size;
    const float* panel = packed + (i * blocks + n0 / 16) * 16 * d.K;
    alignas(64) float sums[tile_rows * tile_width];
    for (int k0 = 0; k0 < larger(d.K, 1); k0 += depth_block) {
      const Tap all{k0, int64_t(k0) * 16};
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
        if (k0 > 0) each_vector([](float* sum, const float* to, int, mask16 m) { store(sum, load(to, m)); });
        product_tile_of(m1 - m0, vectors)({from + m0 * a_stride, a_stride, panel, 16 * int64_t(d.K), &all, 1,
                                           smaller(depth_block, d.K - k0), k0 > 0, sums});
        each_vector([&](const float* sum, float* to, int v, mask16 m) {
          const f32x16 value = load(sum);
          store(to, last && bias ? value + load(bias + n0 + v, m) : value, m);
        });
      }
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
