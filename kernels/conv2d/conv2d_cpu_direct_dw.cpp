// SPDX-License-Identifier: Apache-2.0
// dw. Idea: a register tile holds 14 (AVX2: 6) filters x 32 (16) input channels of one tap and adds the outer products of
// dy and x, pixel after pixel, over a chunk of rows that stays in cache; the sums of the chunks are added in order.
// Thin inputs (C < 16) turn the tile round: lanes across filters, scalars from the S*C neighbours of a padded copy of x.
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/parallel.h"
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// Rows of output whose products are summed from zero before they join the total; a matter of shape, never of N.
int chunk_rows(const Conv2dDims& d) { return larger(1, smaller(d.P(), 256 / d.Q())); }

/// The outputs [begin, end) along one axis whose input with this tap is not padding.
struct Range {
  int begin, end;
};
Range valid_outputs(int in, int out, int stride, int offset) {
  const int begin = offset >= 0 ? 0 : smaller(out, ceil_div(-offset, stride));
  return {begin, in - 1 - offset < 0 ? begin : larger(begin, smaller(out, (in - 1 - offset) / stride + 1))};
}

void wide(const Conv2dDims& d, const float* x, const float* dy, float* dw) {
  const int P = d.P(), Q = d.Q(), depth = d.C / d.groups, width = d.K / d.groups, step = chunk_rows(d);
  // Filters of one task: enough to read x rarely, few enough to share the work out.
  const int parts = ceil_div(width, 4 * tile_rows);
  parallel_for(int64_t(d.groups) * d.R * d.S * parts, [&](int64_t task) {
    const int part = static_cast<int>(task % parts), s = static_cast<int>(task / parts % d.S);
    const int r = static_cast<int>(task / parts / d.S % d.R), group = static_cast<int>(task / parts / d.S / d.R);
    const int first_k = piece_begin(width, parts, part), last_k = piece_begin(width, parts, part + 1);
    const int h0 = r * d.dilation_h - d.pad_h, w0 = s * d.dilation_w - d.pad_w;
    const Range rows = valid_outputs(d.H, P, d.stride_h, h0), cols = valid_outputs(d.W, Q, d.stride_w, w0);
    const auto out = [&](int k) { return dw + (((int64_t(group) * width + k) * d.R + r) * d.S + s) * depth; };
    for (int k = first_k; k < last_k; ++k)
      for (int c = 0; c < depth; c += 16) store(out(k) + c, zero(), first(smaller(16, depth - c)));

    const int pieces = ceil_div(last_k - first_k, tile_rows);
    alignas(64) float sums[tile_rows * tile_width];
    for (int n = 0; n < d.N; ++n)
      for (int chunk = 0; chunk < P; chunk += step) {
        const int p0 = larger(chunk, rows.begin), p1 = smaller(smaller(chunk + step, P), rows.end);
        if (p0 >= p1 || cols.begin >= cols.end) continue;
        const int64_t in = (int64_t(n) * d.H + p0 * d.stride_h + h0) * d.W + cols.begin * d.stride_w + w0;
        const int64_t from = (int64_t(n) * P + p0) * Q + cols.begin;
        for (int c = 0; c < depth; c += tile_width)
          for (int piece = 0; piece < pieces; ++piece) {
            const int k0 = first_k + piece_begin(last_k - first_k, pieces, piece);
            const int k1 = first_k + piece_begin(last_k - first_k, pieces, piece + 1);
            const int lanes_used = smaller(tile_width, depth - c);
            outer_tile_of(k1 - k0, lanes_used)({dy + from * d.K + group * width + k0, int64_t(Q) * d.K, d.K,
                                                x + in * d.C + group * depth + c, int64_t(d.stride_h) * d.W * d.C,
                                                int64_t(d.stride_w) * d.C, p1 - p0, cols.end - cols.begin, lanes_used,
                                                sums});
            for (int k = k0; k < k1; ++k)
              for (int v = 0; v < lanes_used; v += 16) {
                const mask16 valid = first(smaller(16, lanes_used - v));
                float* to = out(k) + c + v;
                store(to, load(to, valid) + load(sums + (k - k0) * tile_width + v), valid);
              }
          }
      }
  });
}

void thin(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* padded) {
  const int P = d.P(), Q = d.Q(), depth = d.C / d.groups, width = d.K / d.groups, step = chunk_rows(d);
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
