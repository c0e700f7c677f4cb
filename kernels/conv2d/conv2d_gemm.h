// SPDX-License-Identifier: Apache-2.0
// The three passes of a convolution as one matrix product a group, C[row, column] = sum over depth of A[row, depth]
// B[depth, column], of which neither A nor B exists: their elements are found in x, w and dy as they are needed.
//
//   pass   row            column        depth
//   fwd    output pixel   filter k      (r, s, c)
//   dx     input pixel    channel c     (r, s, k)
//   dw     filter k       (r, s, c)     output pixel
//
// A slab of the depth that is padding for the whole tile is skipped, loads and products both: of finite numbers it
// would add zeros. Where that saves a tenth or more, pixels are numbered so that it happens often (PixelOrder); dw
// looks for it only there.
#pragma once
#include <algorithm>
#include <cassert>
#include <cstdint>

#include "kernels/conv2d/conv2d_device.h"
#include "kernels/gpu_storage.h"

namespace limbic::LIMBIC_DEVICE {

enum class ConvPass { fwd, dx, dw };

/// One group's product, and who gets which part of it. dw cuts its depth into `splits` parts, one block each, because
/// there are few weights and many pixels; the parts are added afterwards, in their order.
template <class In, class Out>
struct ConvGemmOf {
  Conv2dDims d;
  int64_t rows, columns, depth;
  int splits = 1;
  int64_t part = 0;  ///< depth of a split
  const In *a, *b;
  Out* c;            ///< dw with splits: [splits, K, R, S, C/groups]
  PixelOrder order;  ///< of the rows, dw: of the depth
  Conv2dEpilogue epilogue = {};
};
using ConvGemm = ConvGemmOf<float, float>;

constexpr int conv_gemm_tile = 64;

/// Enough parts to fill a large GPU twice, of 256 pixels at least. Depends on the shape alone: so do the bits.
inline int conv2d_dw_splits(const Conv2dDims& d) {
  const int64_t columns = int64_t{d.R} * d.S * (d.C / d.groups);
  const int64_t blocks =
      int64_t{blocks_for(d.K / d.groups, conv_gemm_tile)} * blocks_for(columns, conv_gemm_tile) * d.groups;
  return static_cast<int>(
      std::max<int64_t>(1, std::min<int64_t>(264 / std::max<int64_t>(blocks, 1), conv_outputs(d) / 256)));
}

/// The share of an axis' products that are no padding: its taps at each of its outputs.
inline double live_share(int outputs, int taps, int inputs, int stride, int dilation, int pad) {
  int64_t live = 0;
  for (int t = 0; t < taps; ++t) {  // outputs y of which y * stride + offset is an input
    const int64_t offset = int64_t{dilation} * t - pad;
    const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    const int64_t end = inputs > offset ? (inputs - 1 - offset) / stride + 1 : 0;
    live += std::max<int64_t>(0, std::min<int64_t>(end, outputs) - first);
  }
  return static_cast<double>(live) / (static_cast<double>(outputs) * taps);
}

/// Does it pay to have all images at one pixel lie together? They are far apart in memory, so for a tenth of the
/// products at least (unmeasured). N has no say, so that it changes no order of a sum.
inline bool conv2d_images_first(const Conv2dDims& d) {
  return live_share(d.P(), d.R, d.H, d.stride_h, d.dilation_h, d.pad_h) *
             live_share(d.Q(), d.S, d.W, d.stride_w, d.dilation_w, d.pad_w) <=
         0.9;
}

template <class In, class Out>
ConvGemmOf<In, Out> conv_gemm(ConvPass pass, const Conv2dDims& d, const In* a, const In* b, Out* c) {
  const int64_t taps = int64_t{d.R} * d.S, Cg = d.C / d.groups, Kg = d.K / d.groups;
  const int images = conv2d_images_first(d) ? d.N : 0;
  const PixelOrder order = pass == ConvPass::dx ? PixelOrder{d.H, d.W, images} : PixelOrder{d.P(), d.Q(), images};
  ConvGemmOf<In, Out> g{.d = d, .rows = 0, .columns = 0, .depth = 0, .a = a, .b = b, .c = c, .order = order};
  if (pass == ConvPass::fwd) g.rows = conv_outputs(d), g.columns = Kg, g.depth = taps * Cg;
  if (pass == ConvPass::dx) g.rows = conv_inputs(d), g.columns = Cg, g.depth = taps * Kg;
  if (pass == ConvPass::dw) g.rows = Kg, g.columns = taps * Cg, g.depth = conv_outputs(d);
  if (pass == ConvPass::dw) g.splits = conv2d_dw_splits(d);
  g.part = (g.depth + g.splits - 1) / g.splits;
  assert((pass == ConvPass::dw ? g.columns : g.depth) <= INT32_MAX - conv_gemm_tile);
  return g;
}

template <class In, class Out>
Grid conv_gemm_grid(const ConvGemmOf<In, Out>& g, unsigned threads, Stream stream) {
  return {.blocks = {blocks_for(g.rows, conv_gemm_tile), blocks_for(g.columns, conv_gemm_tile),
                     static_cast<unsigned>(g.d.groups * g.splits)},
          .threads = threads,
          .stream = stream};
}

/// One thread's share of copying tiles of 64 x `step` of A and of B. `width` neighbours along the depth go together
/// where a pass has them so in memory: A and B of fwd, A of dx; `across` neighbours in a row or column where it has
/// those so: A and B of dw, B of dx. They never straddle taps, because the caller sees to it that channels come in
/// multiples of `width` and of `across`.
template <ConvPass pass, int step, int threads, int width, int across = 1, class In = float, class Out = float>
class ConvTiles {
 public:
  using Depth = std::conditional_t<pass == ConvPass::dw, int64_t, int>;  // a filter has fewer than 2^31 weights

  __device__ explicit ConvTiles(const ConvGemmOf<In, Out>& product)
      : g(product),
        group(blockIdx.z % g.d.groups),
        Cg(g.d.C / g.d.groups),
        Kg(g.d.K / g.d.groups),
        P(g.d.P()),
        Q(g.d.Q()),
        row0(int64_t{blockIdx.x} * conv_gemm_tile),
        column0(int64_t{blockIdx.y} * conv_gemm_tile),
        begin(static_cast<Depth>(blockIdx.z / g.d.groups * g.part)),
        end(static_cast<Depth>(min(begin + g.part, g.depth))),
        live(live_taps()) {
    if constexpr (pass != ConvPass::dw) {
#pragma unroll
      for (int j = 0; j < rows_each; ++j) {
        const int64_t row = row0 + own_row + j * row_step;
        pixels[j] = row < g.rows ? g.order.pixel(row) : MapPixel{-1, 0, 0};
      }
    } else {
      const int column = static_cast<int>(column0) + own_column;
      tap = column / Cg, channel = column % Cg;
    }
  }

  __device__ Depth first_depth() const { return slab_from(begin); }
  __device__ Depth next_depth(Depth k0) const { return slab_from(k0 + step); }
  __device__ Depth last_depth() const { return end; }

  /// Calls put_a(row in the tile, depth in the tile, address of `width` numbers, in dw `across`, or null for zeros),
  /// then put_b(column, depth, address; `width` numbers in fwd, else `across`) so often that all threads together fill
  /// both tiles from depth k0 on.
  template <class PutA, class PutB>
  __device__ void fetch(Depth k0, const PutA& put_a, const PutB& put_b) const {
    if constexpr (pass == ConvPass::dw) {
#pragma unroll
      for (int j = 0; j < step / depth_step; ++j) {
        const int at = own_depth + j * depth_step;
        const bool inside = k0 + at < end;
        const In* const dy = g.a + g.order.index(k0 + at) * g.d.K + group * Kg + row0 + own_column;
        put_a(own_column, at, inside && row0 + own_column < g.rows ? dy : nullptr);
        const In* from = nullptr;
        if (inside && column0 + own_column < g.columns)
          from = conv_input(g.d, g.b, g.order.pixel(k0 + at), tap / g.d.S, tap % g.d.S);
        put_b(own_column, at, from ? from + group * Cg + channel : nullptr);
      }
    } else {
      const int at = threadIdx.x % vectors * width;
      const int k = k0 + at, channels = pass == ConvPass::fwd ? Cg : Kg, k_tap = k / channels, inner = k % channels;
#pragma unroll
      for (int j = 0; j < rows_each; ++j) {
        const In* from = nullptr;
        if (k < end) {
          from = pass == ConvPass::fwd ? conv_input(g.d, g.a, pixels[j], k_tap / g.d.S, k_tap % g.d.S)
                                       : conv_output(g.d, g.a, pixels[j], k_tap / g.d.S, k_tap % g.d.S);
        }
        put_a(own_row + j * row_step, at, from ? from + group * channels + inner : nullptr);
      }
      if constexpr (pass == ConvPass::fwd) {
#pragma unroll
        for (int j = 0; j < rows_each; ++j) {
          const int64_t column = column0 + own_row + j * row_step;
          const bool inside = k < end && column < g.columns;
          put_b(own_row + j * row_step, at, inside ? g.b + (group * Kg + column) * g.depth + k : nullptr);
        }
      } else {
#pragma unroll
        for (int j = 0; j < step / depth_step; ++j) {
          const int at_b = own_depth + j * depth_step;
          const int k_b = k0 + at_b, tap_b = k_b / Kg, filter = group * Kg + k_b % Kg;
          const int64_t column = column0 + own_column;
          const bool inside = k_b < end && column < g.columns;
          put_b(own_column, at_b, inside ? g.b + (int64_t{filter} * g.d.R * g.d.S + tap_b) * Cg + column : nullptr);
        }
      }
    }
  }

  /// fwd: the first of the channels of x that the calling thread brings of the slab at k0; dw: of x as fetch() has B.
  __device__ int input_channel(Depth k0) const {
    if constexpr (pass == ConvPass::fwd) return group * Cg + (k0 + threadIdx.x % vectors * width) % Cg;
    return group * Cg + channel;
  }
  /// Piece j of them: fwd its row, dw its column, and the depth in the tile.
  struct Place {
    int at, depth;
  };
  __device__ Place input_place(int j) const {
    if constexpr (pass == ConvPass::fwd)
      return {own_row + j * row_step, static_cast<int>(threadIdx.x) % vectors * width};
    return {own_column, own_depth + j * depth_step};
  }

  /// Rows of the block's tile. fwd and dx: which pixel in memory a row of it is; which channel of y or x a column is,
  /// or -1 where there is none.
  __device__ int rows() const { return static_cast<int>(min(int64_t{conv_gemm_tile}, g.rows - row0)); }
  __device__ int64_t pixel(int row) const { return g.order.index(row0 + row); }
  __device__ int result_channel(int column) const {
    const int64_t c = column0 + column;
    return c < g.columns ? group * (pass == ConvPass::fwd ? Kg : Cg) + static_cast<int>(c) : -1;
  }

  /// Stores C[row, column] of the block's tile, where there is one.
  __device__ void store(int row, int column, float sum) const {
    if (row >= rows() || column0 + column >= g.columns) return;
    if constexpr (pass == ConvPass::fwd) {
      const int k = result_channel(column);
      g.c[pixel(row) * g.d.K + k] = stored_as<Out>(conv_result(g.epilogue, sum, k));
    } else if constexpr (pass == ConvPass::dx) {
      g.c[pixel(row) * g.d.C + result_channel(column)] = stored_as<Out>(sum);
    } else {
      const int64_t split = blockIdx.z / g.d.groups;
      g.c[((split * g.d.groups + group) * Kg + row0 + row) * g.columns + column0 + column] = sum;
    }
  }

 private:
  static constexpr int vectors = step / width;  // along the depth
  static constexpr int row_step = threads / vectors, rows_each = conv_gemm_tile / row_step;
  static constexpr int depth_step = threads * across / conv_gemm_tile;

  __device__ LiveTaps live_taps() const {
    const int64_t last = min(row0 + conv_gemm_tile, g.rows);
    const PixelBox x = whole_map(g.d.H, g.d.W), y = whole_map(P, Q);
    if constexpr (pass == ConvPass::fwd) return {g.d, g.order.box(row0, last), x};
    if constexpr (pass == ConvPass::dx) return {g.d, y, g.order.box(row0, last)};
    return {g.d, y, x};
  }

  /// k0, or the next slab that is not known to be all padding; last_depth() or more: there is none.
  __device__ Depth slab_from(Depth k0) const {
    if (pass == ConvPass::dw && !g.order.images) return k0;  // too seldom to look for
    while (k0 < end) {
      if constexpr (pass == ConvPass::dw) {
        const LiveTaps here(g.d, g.order.box(k0, min(k0 + step, end)), whole_map(g.d.H, g.d.W));
        const int first = static_cast<int>(column0), last = static_cast<int>(min(column0 + conv_gemm_tile, g.columns));
        for (int t = first / Cg; t * Cg < last; ++t)
          if (here.has(t / g.d.S, t % g.d.S)) return k0;
        k0 += step;
      } else {
        const int channels = pass == ConvPass::fwd ? Cg : Kg;
        int t = k0 / channels;
        for (; t * channels < min(k0 + step, end); ++t)
          if (live.has(t / g.d.S, t % g.d.S)) return k0;
        k0 = max(k0 + step, t * channels / step * step);  // where tap t begins
      }
    }
    return k0;
  }

  const ConvGemmOf<In, Out>& g;
  const int group, Cg, Kg, P, Q;
  const int64_t row0, column0;
  const Depth begin, end;
  const int own_row = threadIdx.x / vectors;
  const int own_column = threadIdx.x * across % conv_gemm_tile, own_depth = threadIdx.x * across / conv_gemm_tile;
  MapPixel pixels[pass == ConvPass::dw ? 1 : rows_each];
  const LiveTaps live;  // fwd, dx: of the tile
  int tap = 0, channel = 0;
};

/// Floats that the parts take: of dw with splits. (conv2d_v3_implicit_gemm.cu)
size_t conv2d_dw_scratch_gemm(const Conv2dDims& d);

/// dw[i] = parts[0][i] + parts[1][i] + ... in this order. (conv2d_v3_implicit_gemm.cu)
void conv2d_dw_add_parts(int splits, int64_t n, const float* parts, float* dw, Stream stream);

/// Runs launch_gemm(product), then adds the parts where the depth was split.
template <class T, class LaunchGemm>
void conv2d_dw_in_parts(const Conv2dDims& d, const T* x, const T* dy, float* dw, float* scratch, Stream stream,
                        const LaunchGemm& launch_gemm) {
  const int splits = conv2d_dw_splits(d);
  launch_gemm(conv_gemm(ConvPass::dw, d, dy, x, splits > 1 ? scratch : dw));
  if (splits > 1) conv2d_dw_add_parts(splits, int64_t{d.K} * d.R * d.S * (d.C / d.groups), scratch, dw, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
