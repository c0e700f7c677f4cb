// SPDX-License-Identifier: Apache-2.0
// dw. Idea: a register tile holds 14 (AVX2: 6) filters x 32 (16) input channels of one tap and adds the outer products
// of dy and x, pixel after pixel, over a chunk of some 128 pixels; the sums of the chunks are added in order. Where
// maps are small, several chunks pass before the next tile has its turn, so that a large dw is not written too often.
// Thin inputs (C < 16) turn the tile round: lanes across filters, scalars from the S*C neighbours of a padded copy of
// x.
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/parallel.h"
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// Pieces of dy whose products are summed from zero before they join the total; a matter of shape, never of N.
struct Chunks {
  int P, Q, rows, cols, down, across;  // rows x cols pixels each, down*across of them an image
  int at_once;                         // chunks of small maps that pass before the next tile has its turn

  explicit Chunks(const Conv2dDims& d) : P(d.P()), Q(d.Q()) {
    constexpr int pixels = 128;
    across = ceil_div(Q, pixels), cols = ceil_div(Q, across);
    down = ceil_div(P, larger(1, pixels / cols)), rows = ceil_div(P, down);
    at_once = larger(1, pixels / (rows * cols));
  }
};
/// The outputs [begin, end) along one axis whose input with this tap is not padding.
struct Range {
  int begin, end;
};
Range valid_outputs(int in, int out, int stride, int offset) {
  const int begin = offset >= 0 ? 0 : smaller(out, ceil_div(-offset, stride));
  return {begin, in - 1 - offset < 0 ? begin : larger(begin, smaller(out, (in - 1 - offset) / stride + 1))};
}

/// to[row][lane] += sums[row][lane], for the rows of a tile.
void add_sums(const float* sums, int rows, int width, float* to, int64_t to_stride) {
  for (int i = 0; i < rows; ++i, sums += tile_width, to += to_stride)
    for (int v = 0; v < width; v += 16) {
      if (width - v >= 16) {
        store(to + v, load(to + v) + load(sums + v));
      } else {
        const mask16 valid = first(width - v);
        store(to + v, load(to + v, valid) + load(sums + v), valid);
      }
    }
}

void wide(const Conv2dDims& d, const float* x, const float* dy, float* dw) {
  const int P = d.P(), Q = d.Q(), depth = d.C / d.groups, width = d.K / d.groups;
  const Chunks chunks(d);
  // Filters of one task: enough to read x rarely, few enough to share the work out.
  const int parts = ceil_div(width, 4 * tile_rows);
  const int64_t n_chunks = int64_t(d.N) * chunks.down * chunks.across, k_stride = int64_t(d.R) * d.S * depth;
  parallel_for(int64_t(d.groups) * d.R * parts, [&](int64_t task) {
    const int part = static_cast<int>(task % parts), r = static_cast<int>(task / parts % d.R);
    const int group = static_cast<int>(task / parts / d.R);
    const int first_k = piece_begin(width, parts, part), last_k = piece_begin(width, parts, part + 1);
    const int pieces = ceil_div(last_k - first_k, tile_rows);
    const int h0 = r * d.dilation_h - d.pad_h;
    const Range rows = valid_outputs(d.H, P, d.stride_h, h0);
    float* const out = dw + group * width * k_stride + int64_t(r) * d.S * depth;  // [width] rows of [S,C]
    for (int k = first_k; k < last_k; ++k)
      for (int i = 0; i < d.S * depth; ++i) out[k * k_stride + i] = 0;

    // One tap column, one tile of dw, the chunks [i0, i1).
    const auto add_chunks = [&](int s, int c, int k0, int k1, int64_t i0, int64_t i1) {
      alignas(64) float sums[tile_rows * tile_width];
      const int w0 = s * d.dilation_w - d.pad_w, used = smaller(tile_width, depth - c);
      const Range cols = valid_outputs(d.W, Q, d.stride_w, w0);
      OuterTileFn* const tile = outer_tile_of(k1 - k0, used);
      for (int64_t i = i0; i < i1; ++i) {
        const int64_t n = i / (chunks.down * chunks.across);
        const int down = static_cast<int>(i / chunks.across % chunks.down) * chunks.rows;
        const int across = static_cast<int>(i % chunks.across) * chunks.cols;
        const int p0 = larger(down, rows.begin), p1 = smaller(down + chunks.rows, rows.end);
        const int q0 = larger(across, cols.begin), q1 = smaller(across + chunks.cols, cols.end);
        if (p0 >= p1 || q0 >= q1) continue;
        tile({dy + ((n * P + p0) * Q + q0) * d.K + group * width + k0, int64_t(Q) * d.K, d.K,
              x + ((n * d.H + p0 * d.stride_h + h0) * d.W + q0 * d.stride_w + w0) * d.C + group * depth + c,
              int64_t(d.stride_h) * d.W * d.C, int64_t(d.stride_w) * d.C, p1 - p0, q1 - q0, used, sums});
        add_sums(sums, k1 - k0, used, out + k0 * k_stride + s * depth + c, k_stride);
      }
    };
    for (int64_t i = 0; i < n_chunks; i += chunks.at_once)
      for (int c = 0; c < depth; c += tile_width)
        for (int s = 0; s < d.S; ++s)
          for (int piece = 0; piece < pieces; ++piece)
            add_chunks(s, c, first_k + piece_begin(last_k - first_k, pieces, piece),
                       first_k + piece_begin(last_k - first_k, pieces, piece + 1), i,
                       smaller(i + chunks.at_once, n_chunks));
  });
}

void thin(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* padded) {
  const int P = d.P(), Q = d.Q(), depth = d.C / d.groups, width = d.K / d.groups;
  const int step = larger(1, smaller(P, 256 / Q));  // rows of a chunk
  const int64_t row = int64_t(d.W + 2 * d.pad_w) * d.C;
  const int padded_h = d.H + 2 * d.pad_h;
  parallel_for(int64_t(d.N) * padded_h, [&](int64_t task) {
    const int64_t n = task / padded_h, h = task % padded_h - d.pad_h;
    float* to = padded + task * row;
    const bool inside = h >= 0 && h < d.H;
    const float* from = x + (n * d.H + h) * d.W * d.C;
    const int64_t begin = int64_t(d.pad_w) * d.C, end = begin + int64_t(d.W) * d.C;
    for (int64_t i = 0; i < row; ++i) to[i] = inside && i >= begin && i < end ? from[i - begin] : 0;
  });
  // With one group and no dilation the inputs of neighbouring taps are neighbours in memory: one run of S*C scalars.
  const bool merged = d.groups == 1 && d.dilation_w == 1;
  const int runs = merged ? 1 : d.S, run = merged ? d.S * depth : depth;
  const int panels = ceil_div(width, tile_width);
  parallel_for(int64_t(d.groups) * d.R * panels, [&](int64_t task) {
    const int k0 = static_cast<int>(task % panels) * tile_width, lanes_used = smaller(tile_width, width - k0);
    const int r = static_cast<int>(task / panels % d.R), group = static_cast<int>(task / panels / d.R);
    const auto out = [&](int k) { return dw + ((int64_t(group) * width + k0 + k) * d.R + r) * d.S * depth; };
    for (int k = 0; k < lanes_used; ++k)
      for (int i = 0; i < d.S * depth; ++i) out(k)[i] = 0;
    alignas(64) float sums[tile_rows * tile_width];
    for (int n = 0; n < d.N; ++n)
      for (int p0 = 0; p0 < P; p0 += step)
        for (int s = 0; s < runs; ++s)
          for (int i0 = 0; i0 < run; i0 += tile_rows) {
            const int rows = smaller(tile_rows, run - i0);
            const float* in = padded + (int64_t(n) * padded_h + p0 * d.stride_h + r * d.dilation_h) * row +
                              s * d.dilation_w * d.C + group * depth + i0;
            outer_tile_of(rows, lanes_used)({in, d.stride_h * row, int64_t(d.stride_w) * d.C,
                                             dy + (int64_t(n) * P + p0) * Q * d.K + group * width + k0,
                                             int64_t(Q) * d.K, d.K, smaller(step, P - p0), Q, lanes_used, sums});
            for (int i = 0; i < rows; ++i)
              for (int k = 0; k < lanes_used; ++k) out(k)[s * run + i0 + i] += sums[i * tile_width + k];
          }
  });
}

}  // namespace

void conv2d_dw_cpu_direct(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* scratch, Stream) {
  if (d.C / d.groups >= 16) {
    wide(d, x, dy, dw);
  } else {
    thin(d, x, dy, dw, scratch);
  }
}

}  // namespace limbic::LIMBIC_ISA
