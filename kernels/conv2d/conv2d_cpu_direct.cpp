// SPDX-License-Identifier: Apache-2.0
// Forward and dx. Idea: lanes run across 16 or 32 output channels, a register tile holds them for several pixels of one
// row or one column, and one input scalar is broadcast against weights packed as [K/16][R,S][C][16]. A pixel whose tap
// falls into the padding skips it: on the narrow last maps of an audio network that is a third of all products.
// Maps stored in bf16 are widened once, in front of the sums; weights stay bf16 to the tile, in half the memory.
// dx is the same sum with filters turned round; where the forward pass strides, each phase of dx is such a sum.
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/tile.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// One axis of the map: output i with tap t reads input i*step + offset[t], where that is in [0, in).
struct Axis {
  int in, out, step, taps;
  int offset[conv2d_max_taps];
  int weight[conv2d_max_taps];  // which row (column) of the filter tap t is
  int64_t in_stride, out_stride;

  int begin(int tap) const { return offset[tap] >= 0 ? 0 : smaller(out, ceil_div(-offset[tap], step)); }
  int end(int tap) const {
    const int room = in - 1 - offset[tap];
    return room < 0 ? 0 : smaller(out, room / step + 1);
  }
};

/// A convolution as seen by the tiles: `depth` channels in, `width` channels out, for each image and group.
struct Plan {
  int N, groups, depth, width;
  int64_t in_image, out_image;
  Axis rows, cols;
  int filter_cols;     // S: taps are packed [R,S]
  int64_t block_size;  // packed weights of 16 output channels
};

/// The products of one chunk: taps [tap0, tap1) of the filter, channels [c0, c0+depth).
struct Chunk {
  int tap0, tap1, c0, depth;
};

/// Cut by the shape of the filter alone, so that a pixel's sum is the same wherever tiles and borders fall.
struct Chunks {
  explicit Chunks(const Plan& p) : plan(p) {
    across = ceil_div(plan.depth, chunk_depth);
    const int taps = plan.rows.taps * plan.cols.taps;
    const int down = across > 1 ? taps : ceil_div(taps * plan.depth, chunk_depth);
    taps_each = ceil_div(taps, larger(down, 1));
    count = across * ceil_div(taps, larger(taps_each, 1));
  }
  Chunk operator[](int i) const {
    const int tap0 = i / across * taps_each, c0 = piece_begin(plan.depth, across, i % across);
    return {tap0, tap0 + taps_each, c0, piece_begin(plan.depth, across, i % across + 1) - c0};
  }
  const Plan& plan;
  int across, taps_each, count;
};

/// One chunk of the pixels [a0, a1) of a line along `along` at position `b` of `across`, for one register tile's
/// channels.
template <class W>
void sum_chunk(const Plan& plan, const Chunk& chunk, const Axis& along, const Axis& across, bool along_rows, int a0,
               int a1, int b, const float* x, const W* w, int vectors, float* sums) {
  Tap taps[conv2d_max_taps * conv2d_max_taps];
  int n_taps = 0, from = a0, to = a1;
  bool started = false;
  const auto flush = [&] {
    if (n_taps == 0) return;
    const bool whole = from == a0 && to == a1;
    if (!started && !whole)
      for (int i = 0; i < (a1 - a0) * tile_width; i += 16) store(sums + i, zero());
    const int64_t row_stride = along.step * along.in_stride;
    product_tile_of<W>(to - from, vectors)({x + from * row_stride + int64_t(b) * across.step * across.in_stride,
                                            row_stride, w, plan.block_size, taps, n_taps, chunk.depth,
                                            started || !whole, sums + (from - a0) * tile_width});
    started = true;
    n_taps = 0;
  };
  const Axis &rows = plan.rows, &cols = plan.cols;
  for (int tap = chunk.tap0; tap < smaller(chunk.tap1, rows.taps * cols.taps); ++tap) {
    const int r = tap / cols.taps, s = tap % cols.taps;
    const int t = along_rows ? r : s, fixed = along_rows ? s : r;
    if (b < across.begin(fixed) || b >= across.end(fixed)) continue;
    const int begin = larger(a0, along.begin(t)), end = smaller(a1, along.end(t));
    if (begin >= end) continue;
    if (begin != from || end != to) {
      flush();
      from = begin, to = end;
    }
    taps[n_taps++] = {rows.offset[r] * rows.in_stride + cols.offset[s] * cols.in_stride + chunk.c0,
                      (int64_t(rows.weight[r] * plan.filter_cols + cols.weight[s]) * plan.depth + chunk.c0) * 16};
  }
  flush();
  if (!started)
    for (int i = 0; i < (a1 - a0) * tile_width; i += 16) store(sums + i, zero());
}

/// Stores one pixel's channels k0 .. k0+count-1.
template <class T>
LIMBIC_INLINE void finish(const float* sums, const Conv2dEpilogue& epilogue, int k0, int count, T* y) {
  for (int v = 0; v < count; v += 16) {
    const mask16 valid = first(smaller(16, count - v));
    f32x16 a = load(sums + v);
    if (epilogue.mean) a = a - load(epilogue.mean + k0 + v, valid);
    const f32x16 shift = epilogue.shift ? load(epilogue.shift + k0 + v, valid) : zero();
    if (epilogue.scale) {
      a = fma(a, load(epilogue.scale + k0 + v, valid), shift);
    } else if (epilogue.shift) {
      a = a + shift;
    }
    if (epilogue.relu) a = max(zero(), a);
    if (count - v >= 16) {
      store(y + v, a);
    } else {
      store(y + v, a, valid);
    }
  }
}

/// Weights and y are stored as T.
template <class T>
void run(const Plan& plan, const float* x, const T* packed, const Conv2dEpilogue& epilogue, T* y) {
  // Tiles lie along the rows of wide maps and along the columns of narrow ones.
  const bool along_rows = plan.cols.out < 8;
  const Axis& along = along_rows ? plan.rows : plan.cols;
  const Axis& across = along_rows ? plan.cols : plan.rows;
  if (plan.rows.out <= 0 || plan.cols.out <= 0) return;

  const Chunks chunks(plan);
  const int panels = ceil_div(plan.width, tile_width);
  const int strips = ceil_div(plan.rows.out, larger(1, 512 / plan.cols.out));  // a strip of rows is one task
  const int64_t parts = int64_t(plan.N) * plan.groups * strips;
  const int64_t blocks = ceil_div(plan.width, 16);
  // What is larger stays put while the other passes by: weights of one panel over all pixels, or one strip of pixels.
  const bool panels_outside = blocks * plan.block_size > plan.in_image;

  parallel_for(parts * panels, [&](int64_t task) {
    const int panel = static_cast<int>(panels_outside ? task / parts : task % panels);
    const int64_t part = panels_outside ? task % parts : task / panels;
    const int strip = static_cast<int>(part % strips), group = static_cast<int>(part / strips % plan.groups);
    const int64_t n = part / strips / plan.groups;

    const int k0 = panel * tile_width, count = smaller(tile_width, plan.width - k0), vectors = ceil_div(count, 16);
    const T* w = packed + (group * blocks + k0 / 16) * plan.block_size;
    const float* image = x + n * plan.in_image + group * plan.depth;
    T* out = y + n * plan.out_image + group * plan.width + k0;

    alignas(64) float sums[tile_rows * tile_width], chunk_sums[tile_rows * tile_width];
    const int p0 = piece_begin(plan.rows.out, strips, strip), p1 = piece_begin(plan.rows.out, strips, strip + 1);
    const int a_begin = along_rows ? p0 : 0, a_end = along_rows ? p1 : along.out;
    const int b_begin = along_rows ? 0 : p0, b_end = along_rows ? across.out : p1;
    const int pieces = ceil_div(a_end - a_begin, tile_rows);
    for (int b = b_begin; b < b_end; ++b)
      for (int i = 0; i < pieces; ++i) {
        const int a0 = a_begin + piece_begin(a_end - a_begin, pieces, i);
        const int a1 = a_begin + piece_begin(a_end - a_begin, pieces, i + 1);
        sum_chunk(plan, chunks[0], along, across, along_rows, a0, a1, b, image, w, vectors, sums);
        for (int i_chunk = 1; i_chunk < chunks.count; ++i_chunk) {
          sum_chunk(plan, chunks[i_chunk], along, across, along_rows, a0, a1, b, image, w, vectors, chunk_sums);
          for (int j = 0; j < (a1 - a0) * tile_width; j += 16) store(sums + j, load(sums + j) + load(chunk_sums + j));
        }
        for (int a = a0; a < a1; ++a)
          finish(sums + (a - a0) * tile_width, epilogue, group * plan.width + k0, count,
                 out + a * along.out_stride + b * across.out_stride);
      }
  });
}

Axis forward_axis(int in, int out, int taps, int stride, int pad, int dilation, int64_t in_stride, int64_t out_stride) {
  Axis axis{in, out, stride, taps, {}, {}, in_stride, out_stride};
  for (int t = 0; t < taps; ++t) axis.offset[t] = t * dilation - pad, axis.weight[t] = t;
  return axis;
}

/// The inputs i = phase, phase + stride, ... of the forward pass: each reads the outputs that it fed.
Axis backward_axis(int in, int out, int taps, int stride, int pad, int dilation, int phase, int64_t dy_stride,
                   int64_t dx_stride) {
  Axis axis{out, ceil_div(in - phase, stride), 1, 0, {}, {}, dy_stride, dx_stride * stride};
  for (int t = 0; t < taps; ++t) {
    const int reach = phase + pad - t * dilation;  // input phase + i*stride was read by output i + reach/stride
    if (reach % stride != 0) continue;
    axis.offset[axis.taps] = reach / stride;
    axis.weight[axis.taps++] = t;
  }
  return axis;
}

LIMBIC_INLINE void transpose(const float* from, int64_t from_stride, float* to) {
  transpose_16x16(from, from_stride, to, 16);
}
template <class In>
LIMBIC_INLINE void transpose(const In* from, int64_t from_stride, bf16* to) {
  float rows[256], columns[256];
  for (int i = 0; i < 16; ++i) store(rows + 16 * i, load(from + i * from_stride));
  transpose_16x16(rows, 16, columns, 16);
  for (int i = 0; i < 256; i += 16) store(to + i, load(columns + i));
}

/// Packs, and rounds where weights are kept in bf16.
template <class In, class T>
void pack(const Conv2dDims& d, const In* w, T* out) {
  const int depth = d.C / d.groups, width = d.K / d.groups, taps = d.R * d.S;
  const int64_t blocks = ceil_div(width, 16);
  parallel_for(d.groups * blocks, [&](int64_t task) {
    const int64_t group = task / blocks, k0 = task % blocks * 16;
    const int lanes_used = smaller(16, static_cast<int>(width - k0));
    const In* in = w + (group * width + k0) * taps * depth;
    T* block = out + task * taps * depth * 16;
    const int64_t size = int64_t(taps) * depth;
    int64_t i = 0;
    if (lanes_used == 16)
      for (; i + 16 <= size; i += 16) transpose(in + i, size, block + i * 16);
    for (; i < size; ++i)
      for (int k = 0; k < 16; ++k) block[i * 16 + k] = stored_as<T>(k < lanes_used ? widen(in[k * size + i]) : 0);
  });
}

template <class T>
void forward(const Conv2dDims& d, const float* x, const T* packed, const Conv2dEpilogue& epilogue, T* y) {
  const int P = d.P(), Q = d.Q();
  const Plan plan{d.N,
                  d.groups,
                  d.C / d.groups,
                  d.K / d.groups,
                  int64_t(d.H) * d.W * d.C,
                  int64_t(P) * Q * d.K,
                  forward_axis(d.H, P, d.R, d.stride_h, d.pad_h, d.dilation_h, int64_t(d.W) * d.C, int64_t(Q) * d.K),
                  forward_axis(d.W, Q, d.S, d.stride_w, d.pad_w, d.dilation_w, d.C, d.K),
                  d.S,
                  int64_t(d.R) * d.S * (d.C / d.groups) * 16};
  run(plan, x, packed, epilogue, y);
}

}  // namespace

void conv2d_prepare_cpu_direct(const Conv2dDims& d, const float* w, float* out, StoredAs<float>) { pack(d, w, out); }
void conv2d_prepare_cpu_direct(const Conv2dDims& d, const float* w, float* out, StoredAs<bf16>) {
  pack(d, w, reinterpret_cast<bf16*>(out));
}

void conv2d_fwd_cpu_direct(const Conv2dDims& d, const float* x, const float* w, const float* prepared,
                           const Conv2dEpilogue& epilogue, float* y, float* scratch, Stream) {
  if (!prepared) {
    pack(d, w, scratch);
    prepared = scratch;
  }
  forward(d, x, prepared, epilogue, y);
}

void conv2d_fwd_cpu_direct(const Conv2dDims& d, const bf16* x, const bf16* w, const float* prepared,
                           const Conv2dEpilogue& epilogue, bf16* y, float* scratch, Stream) {
  const int64_t x_size = int64_t(d.N) * d.H * d.W * d.C;
  for_each_vector(x_size, [=](int64_t i, auto at) { at.put(scratch + i, at.get(x + i)); });
  const auto* packed = reinterpret_cast<const bf16*>(prepared);
  if (!prepared) {
    auto* const room = reinterpret_cast<bf16*>(scratch + x_size);
    pack(d, w, room);
    packed = room;
  }
  forward(d, scratch, packed, epilogue, y);
}

void conv2d_dx_cpu_direct(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch, Stream) {
  const int depth = d.K / d.groups, width = d.C / d.groups, taps = d.R * d.S;
  const int64_t blocks = ceil_div(width, 16), block_size = int64_t(taps) * depth * 16;
  // packed [groups][C/16][R,S][K][16]; the turn of the filter is in the axes
  parallel_for(d.groups * blocks, [&](int64_t task) {
    const int64_t group = task / blocks, c0 = task % blocks * 16;
    const int lanes_used = smaller(16, static_cast<int>(width - c0));
    float* block = scratch + task * block_size;
    for (int k = 0; k < depth; ++k)
      for (int tap = 0; tap < taps; ++tap)
        store(block + (int64_t(tap) * depth + k) * 16,
              load(w + ((group * depth + k) * taps + tap) * width + c0, first(lanes_used)));
  });
  const int P = d.P(), Q = d.Q();
  for (int a = 0; a < smaller(d.stride_h, d.H); ++a)
    for (int b = 0; b < smaller(d.stride_w, d.W); ++b) {
      const Plan plan{
          d.N,
          d.groups,
          depth,
          width,
          int64_t(P) * Q * d.K,
          int64_t(d.H) * d.W * d.C,
          backward_axis(d.H, P, d.R, d.stride_h, d.pad_h, d.dilation_h, a, int64_t(Q) * d.K, int64_t(d.W) * d.C),
          backward_axis(d.W, Q, d.S, d.stride_w, d.pad_w, d.dilation_w, b, d.K, d.C),
          d.S,
          block_size};
      run(plan, dy, scratch, {}, dx + (int64_t(a) * d.W + b) * d.C);
    }
}

}  // namespace limbic::LIMBIC_ISA
