// SPDX-License-Identifier: Apache-2.0
// Idea: sequences do not depend on each other, so a task takes a few of them through all steps. At each step a register
// tile multiplies their rows of h with w_hh, packed once into panels of 16 units, and the gates' functions follow in
// the same lanes while the sums are in L1. The way back is the same walk with w_hh untransposed; dw_hh is left to the
// end, as outer products over all steps.
#include "kernels/lstm/lstm_cpu.h"
#include "kernels/parallel.h"
#include "kernels/simd_math.h"
#include "kernels/tile.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// total[v][i][lane] = sum over k < depth of x[i*row_stride + k] * panels[v][k][lane], chunk after chunk.
template <int panels>
void multiply_rows(const float* x, int64_t row_stride, int rows, const float* packed, int depth, float* total) {
  constexpr int at_once = panels < tile_vectors ? panels : tile_vectors;
  alignas(64) float sums[tile_rows * tile_width];
  for (int v = 0; v < panels; v += at_once)
    for (int k0 = 0; k0 < depth; k0 += chunk_depth) {
      const Tap chunk{k0, int64_t(16) * k0};
      product_tile_of(rows, at_once)({x, row_stride, packed + int64_t(16) * v * depth, int64_t(16) * depth, &chunk, 1,
                                      smaller(chunk_depth, depth - k0), false, sums});
      for (int w = 0; w < at_once; ++w)
        for (int i = 0; i < rows; ++i) {
          float* const to = total + ((v + w) * tile_rows + i) * 16;
          const f32x16 sum = load(sums + i * tile_width + 16 * w);
          store(to, k0 > 0 ? load(to) + sum : sum);
        }
    }
}

LIMBIC_INLINE int step_before(const LstmDims& d, int t) { return d.reverse ? t + 1 : t - 1; }
LIMBIC_INLINE bool on_axis(const LstmDims& d, int t) { return t >= 0 && t < d.T; }

/// Calls body(first sequence, how many) for groups that share a tile.
template <class Body>
void each_group(int N, const Body& body) {
  const int groups = ceil_div(N, tile_rows);
  parallel_for(groups, [&](int64_t group) {
    const int begin = piece_begin(N, groups, static_cast<int>(group));
    body(begin, piece_begin(N, groups, static_cast<int>(group) + 1) - begin);
  });
}

struct Forward {
  const LstmDims& d;
  const float* gates;
  const int32_t* lengths;
  const float* packed;
  float *y, *activations, *cell;

  /// Units [u0, u0+16) of `rows` sequences at step t.
  void units(int n0, int rows, int t, int u0) const {
    const int D = d.D, before = step_before(d, t);
    const mask16 valid = first(D - u0);
    alignas(64) float total[4 * tile_rows * 16] = {};
    if (on_axis(d, before)) {
      multiply_rows<4>(y + (int64_t(n0) * d.T + before) * D, int64_t(d.T) * D, rows, packed + int64_t(4) * u0 * D, D,
                       total);
    }
    for (int i = 0; i < rows; ++i) {
      const int64_t at = int64_t(n0 + i) * d.T + t;
      float* const a = activations + at * 4 * D + u0;
      const bool padding = lengths && t >= lengths[n0 + i];
      const auto sum = [&](int gate) {
        return load(gates + (at * 4 + gate) * D + u0, valid) + load(total + (gate * tile_rows + i) * 16);
      };
      f32x16 in = zero(), forget = zero(), value = zero(), out = zero(), c = zero();
      if (!padding) {
        in = sigmoid(sum(0)), forget = sigmoid(sum(1)), value = tanh(sum(2)), out = sigmoid(sum(3));
        c = in * value;
        if (on_axis(d, before)) c = fma(forget, load(cell + (at + before - t) * D + u0, valid), c);
      }
      store(a, in, valid), store(a + D, forget, valid);
      store(a + 2 * D, value, valid), store(a + 3 * D, out, valid);
      store(cell + at * D + u0, c, valid);
      store(y + at * D + u0, out * tanh(c), valid);
    }
  }
};

struct Backward {
  const LstmDims& d;
  const int32_t* lengths;
  const float *activations, *cell, *dy, *packed;
  float *dgates, *dcell;

  void units(int n0, int rows, int t, int u0) const {
    const int D = d.D, before = step_before(d, t), after = t + (t - before);
    const mask16 valid = first(D - u0);
    alignas(64) float total[tile_rows * 16] = {};
    if (on_axis(d, after)) {
      multiply_rows<1>(dgates + (int64_t(n0) * d.T + after) * 4 * D, int64_t(d.T) * 4 * D, rows,
                       packed + int64_t(4) * u0 * D, 4 * D, total);
    }
    const f32x16 one = broadcast(1.0f);
    for (int i = 0; i < rows; ++i) {
      const int64_t at = int64_t(n0 + i) * d.T + t;
      const float* const a = activations + at * 4 * D + u0;
      float* const dz = dgates + at * 4 * D + u0;
      float* const dc_kept = dcell + int64_t(n0 + i) * D + u0;
      f32x16 d_in = zero(), d_forget = zero(), d_value = zero(), d_out = zero(), dc_before = zero();
      if (!lengths || t < lengths[n0 + i]) {
        const f32x16 in = load(a, valid), forget = load(a + D, valid), value = load(a + 2 * D, valid);
        const f32x16 out = load(a + 3 * D, valid), tanh_c = tanh(load(cell + at * D + u0, valid));
        const f32x16 dh = load(dy + at * D + u0, valid) + load(total + i * 16);
        f32x16 dc = dh * out * negative_fma(tanh_c, tanh_c, one);
        if (on_axis(d, after)) dc = dc + load(dc_kept, valid);
        d_in = dc * value * in * (one - in);
        if (on_axis(d, before))
          d_forget = dc * load(cell + (at + before - t) * D + u0, valid) * forget * (one - forget);
        d_value = dc * in * negative_fma(value, value, one);
        d_out = dh * tanh_c * out * (one - out);
        dc_before = dc * forget;
      }
      store(dz, d_in, valid), store(dz + D, d_forget, valid);
      store(dz + 2 * D, d_value, valid), store(dz + 3 * D, d_out, valid);
      store(dc_kept, dc_before, valid);
    }
  }
};

/// dw_hh [4D,D]: outer products of dgates with the h of the step before, over all steps of all sequences.
void weight_gradient(const LstmDims& d, const float* dgates, const float* y, float* dw_hh) {
  const int D = d.D, steps = d.T - 1, at_once = larger(1, chunk_depth / larger(1, steps));
  const float* const later = dgates + (d.reverse ? 0 : 4 * D);  // steps that have one before them
  const float* const earlier = y + (d.reverse ? D : 0);         // and that one
  const int pieces = ceil_div(4 * D, tile_rows);
  parallel_for(pieces, [&](int64_t piece) {
    const int row0 = piece_begin(4 * D, pieces, static_cast<int>(piece));
    const int rows = piece_begin(4 * D, pieces, static_cast<int>(piece) + 1) - row0;
    alignas(64) float sums[tile_rows * tile_width];
    for (int k = 0; k < D; k += tile_width) {
      const int width = smaller(tile_width, D - k);
      for (int n = 0; n < larger(1, d.N); n += at_once) {
        const int64_t sequence = int64_t(n) * d.T;
        outer_tile_of(rows, width)({later + sequence * 4 * D + row0, int64_t(d.T) * 4 * D, int64_t(4) * D,
                                    earlier + sequence * D + k, int64_t(d.T) * D, D, smaller(at_once, d.N - n), steps,
                                    width, sums});
        for (int i = 0; i < rows; ++i)
          for (int v = 0; v < width; v += 16) {
            float* const to = dw_hh + int64_t(row0 + i) * D + k + v;
            const mask16 valid = first(width - v);
            const f32x16 sum = load(sums + i * tile_width + v);
            store(to, n > 0 ? load(to, valid) + sum : sum, valid);
          }
      }
    }
  });
}

}  // namespace

void lstm_fwd_cpu_packed(const LstmDims& d, const float* gates, const float* w_hh, const int32_t* lengths, float* y,
                         float* activations, float* cell, float* scratch, Stream) {
  const int D = d.D, blocks = ceil_div(D, 16);
  parallel_for(blocks, [&](int64_t block) {  // [block][gate][k][unit]
    const int units = smaller(16, static_cast<int>(D - 16 * block));
    for (int gate = 0; gate < 4; ++gate)
      for (int k = 0; k < D; ++k)
        for (int u = 0; u < 16; ++u)
          scratch[((block * 4 + gate) * D + k) * 16 + u] =
              u < units ? w_hh[(int64_t(gate) * D + block * 16 + u) * D + k] : 0;
  });
  const Forward forward{d, gates, lengths, scratch, y, activations, cell};
  each_group(d.N, [&](int n0, int rows) {
    for (int s = 0; s < d.T; ++s)
      for (int u0 = 0; u0 < D; u0 += 16) forward.units(n0, rows, d.reverse ? d.T - 1 - s : s, u0);
  });
}

void lstm_bwd_cpu_packed(const LstmDims& d, const float* w_hh, const int32_t* lengths, const float* activations,
                         const float* cell, const float* y, const float* dy, float* dgates, float* dw_hh,
                         float* scratch, Stream) {
  const int D = d.D, blocks = ceil_div(D, 16);
  float* const dcell = scratch + int64_t(blocks) * 16 * 4 * D;
  parallel_for(blocks, [&](int64_t block) {  // [block][gate row][unit]
    const mask16 valid = first(static_cast<int>(D - 16 * block));
    for (int64_t row = 0; row < 4 * D; ++row)
      store(scratch + (block * 4 * D + row) * 16, load(w_hh + row * D + 16 * block, valid));
  });
  const Backward backward{d, lengths, activations, cell, dy, scratch, dgates, dcell};
  each_group(d.N, [&](int n0, int rows) {
    for (int s = d.T - 1; s >= 0; --s)
      for (int u0 = 0; u0 < D; u0 += 16) backward.units(n0, rows, d.reverse ? d.T - 1 - s : s, u0);
  });
  weight_gradient(d, dgates, y, dw_hh);
}

}  // namespace limbic::LIMBIC_ISA
