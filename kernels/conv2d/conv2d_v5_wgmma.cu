// SPDX-License-Identifier: Apache-2.0
// Idea: a warpgroup multiplies 64 x 128 x 16 with one wgmma, whose operands stay in shared memory, and one thread has
// the copy engine bring them there.
// Changed from v4: a step's rows are a box of the map [N,H,W,C], one bulk copy that fills the borders with zeros and
// steps over strides; four stages in flight, on mbarriers. What is stored in f32, or not in rows of 16 bytes, becomes
// bf16 in scratch memory first.
// Why faster: no thread computes an address, no register holds an operand; 128x128 tiles read each input from L2 half
// as often as v4's.
// Limited by: copying f32 to bf16 first; one tile a block, so nothing overlaps its end; few blocks where maps are
// small.
// Next: blocks that stay for several tiles, and clusters that share their copies. Unmeasured, so by name only.
#include "kernels/conv2d/conv2d_boxes_device.h"
#include "kernels/conv2d/conv2d_gemm.h"
#include "kernels/gpu_bf16_scratch.h"
#include "kernels/gpu_runtime.h"
#include "kernels/wgmma_gemm.h"

namespace limbic::LIMBIC_DEVICE {

template <class Out>
struct WgmmaConv {
  Conv2dDims d;
  PixelBoxes boxes;  ///< fwd, dw: of y; dx: of every stride_h-th row and stride_w-th column of x
  Out* out;          ///< dw: [splits, K, R, S, C]
  int splits = 1;    ///< dw: parts of the boxes, a block each
  Conv2dEpilogue epilogue = {};
};

template <ConvPass pass, int columns, class Out>
__global__ void __launch_bounds__(wgmma_threads)
    conv2d_v5(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, WgmmaConv<Out> g) {
  const Conv2dDims& d = g.d;
  if constexpr (pass == ConvPass::fwd) {  // a: x, b: w as [K, (R S), C]
    const int column0 = blockIdx.y * columns, blocks = (d.C + wgmma_depth - 1) / wgmma_depth;
    const MapPixel corner = g.boxes.corner(blockIdx.x);
    const int h0 = corner.h * d.stride_h - d.pad_h, w0 = corner.w * d.stride_w - d.pad_w;
    wgmma_gemm<columns, false, false>(
        d.R * d.S * blocks,
        [&](int step, char* tile_a, char* tile_b, uint64_t* full) {
          const int tap = step / blocks, c = step % blocks * wgmma_depth;
          bulk_copy(tile_a, a, {c, w0 + tap % d.S * d.dilation_w, h0 + tap / d.S * d.dilation_h, corner.n}, full);
          bulk_copy(tile_b, b, {c, tap, column0}, full);
        },
        [&](int row) {
          const MapPixel y = g.boxes.pixel(corner, row);
          return y.n < 0 ? nullptr : g.out + ((int64_t{y.n} * g.boxes.height + y.h) * g.boxes.width + y.w) * d.K;
        },
        [&](Out* y, int column, float sum) {
          const int k = column0 + column;
          if (y && k < d.K) y[k] = stored_as<Out>(conv_result(g.epilogue, sum, k));
        });
  } else if constexpr (pass == ConvPass::dx) {  // a: dy, b: w
    const int column0 = blockIdx.y * columns, blocks = (d.K + wgmma_depth - 1) / wgmma_depth;
    const int first_h = blockIdx.z / d.stride_w, first_w = blockIdx.z % d.stride_w;
    const MapPixel corner = g.boxes.corner(blockIdx.x);
    const Taps down(d.R, d.dilation_h, d.stride_h, first_h + d.pad_h);
    const Taps across(d.S, d.dilation_w, d.stride_w, first_w + d.pad_w);
    wgmma_gemm<columns, false, true>(
        down.count * across.count * blocks,
        [&](int step, char* tile_a, char* tile_b, uint64_t* full) {
          const int tap = step / blocks, k = step % blocks * wgmma_depth;
          const int r = down.first + tap / across.count * down.every;
          const int s = across.first + tap % across.count * across.every;
          const int p = corner.h + (first_h + d.pad_h - r * d.dilation_h) / d.stride_h;
          const int q = corner.w + (first_w + d.pad_w - s * d.dilation_w) / d.stride_w;
          bulk_copy(tile_a, a, {k, q, p, corner.n}, full);
          for (int i = 0; i < columns / 64; ++i)
            bulk_copy(tile_b + i * wgmma_block, b, {column0 + 64 * i, r * d.S + s, k}, full);
        },
        [&](int row) {
          const MapPixel x = g.boxes.pixel(corner, row);
          const int h = x.h * d.stride_h + first_h, w = x.w * d.stride_w + first_w;
          return x.n < 0 || h >= d.H || w >= d.W ? nullptr : g.out + ((int64_t{x.n} * d.H + h) * d.W + w) * d.C;
        },
        [&](Out* dx, int column, float sum) {
          if (dx && column0 + column < d.C) dx[column0 + column] = stored_as<Out>(sum);
        });
  } else {  // a: dy, b: x; their depth is the pixels of a box
    const int tiles = (d.C + columns - 1) / columns, tap = blockIdx.y / tiles;
    const int row0 = blockIdx.x * wgmma_rows, column0 = blockIdx.y % tiles * columns;
    const int h0 = tap / d.S * d.dilation_h - d.pad_h, w0 = tap % d.S * d.dilation_w - d.pad_w;
    const int boxes = static_cast<int>(g.boxes.count()), part = (boxes + g.splits - 1) / g.splits;
    const int begin = min(boxes, static_cast<int>(blockIdx.z) * part), end = min(boxes, begin + part);
    wgmma_gemm<columns, true, true>(
        end - begin,
        [&](int step, char* tile_a, char* tile_b, uint64_t* full) {
          const MapPixel y = g.boxes.corner(begin + step);
          for (int i = 0; i < wgmma_rows / 64; ++i)
            bulk_copy(tile_a + i * wgmma_block, a, {row0 + 64 * i, y.w, y.h, y.n}, full);
          for (int i = 0; i < columns / 64; ++i) {
            bulk_copy(tile_b + i * wgmma_block, b,
                      {column0 + 64 * i, w0 + y.w * d.stride_w, h0 + y.h * d.stride_h, y.n}, full);
          }
        },
        [&](int row) {
          const int64_t k = row0 + row;
          return k < d.K ? g.out + ((blockIdx.z * int64_t{d.K} + k) * d.R * d.S + tap) * d.C : nullptr;
        },
        [&](float* dw, int column, float sum) {
          if (dw && column0 + column < d.C) dw[column0 + column] = sum;
        });
  }
}

namespace {

/// Boxes of maps [N, height, width, channels], whose pixels stand `step_h` and `step_w` apart.
TensorMap map_of_pixels(const uint16_t* maps, const Conv2dDims& d, int height, int width, int channels,
                        const PixelBoxes& boxes, int step_h, int step_w) {
  const int64_t pixel = Bf16Scratch::padded(channels);
  return make_tensor_map({.tensor = maps,
                          .rank = 4,
                          .size = {channels, width, height, d.N},
                          .stride = {1, pixel, pixel * width, pixel * width * height},
                          .box = {64, 1 << boxes.log_w, 1 << boxes.log_h, 1 << boxes.log_n},
                          .step = {1, step_w, step_h, 1}});
}
TensorMap map_of_x(const uint16_t* x, const Conv2dDims& d, const PixelBoxes& boxes) {
  return map_of_pixels(x, d, d.H, d.W, d.C, boxes, d.stride_h, d.stride_w);
}
TensorMap map_of_dy(const uint16_t* dy, const Conv2dDims& d, const PixelBoxes& boxes) {
  return map_of_pixels(dy, d, d.P(), d.Q(), d.K, boxes, 1, 1);
}

int64_t filter_taps(const Conv2dDims& d) { return int64_t{d.K} * d.R * d.S; }

/// One tap of `filters` filters and 64 channels.
TensorMap map_of_w(const uint16_t* w, const Conv2dDims& d, int filters) {
  const int64_t tap = Bf16Scratch::padded(d.C), taps = int64_t{d.R} * d.S;
  return make_tensor_map(
      {.tensor = w, .rank = 3, .size = {d.C, taps, d.K}, .stride = {1, tap, tap * taps}, .box = {64, 1, filters}});
}

template <ConvPass pass, int columns, class Out>
void launch_v5(const dim3& blocks, const TensorMap& a, const TensorMap& b, const WgmmaConv<Out>& g, Stream stream) {
  const Grid grid{.blocks = blocks,
                  .threads = wgmma_threads,
                  .shared_bytes = size_t{wgmma_stages} * wgmma_stage<columns>,
                  .stream = stream};
  LAUNCH((conv2d_v5<pass, columns, Out>), grid, a, b, g);
}

template <int columns, class T>
void forward(const Conv2dDims& d, const T* x, const T* w, const Conv2dEpilogue& epilogue, T* y, float* scratch,
             Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes = pixel_boxes(wgmma_rows, d.N, d.P(), d.Q(), d.stride_h, d.stride_w);
  const TensorMap a = map_of_x(rounded.add(conv_inputs(d), d.C, x), d, boxes);
  const TensorMap b = map_of_w(rounded.add(filter_taps(d), d.C, w), d, columns);
  const dim3 blocks(static_cast<unsigned>(boxes.count()), blocks_for(d.K, columns));
  launch_v5<ConvPass::fwd, columns, T>(blocks, a, b, {.d = d, .boxes = boxes, .out = y, .epilogue = epilogue}, stream);
}

template <int columns, class T>
void input_gradient(const Conv2dDims& d, const T* dy, const T* w, T* dx, float* scratch, Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes =
      pixel_boxes(wgmma_rows, d.N, (d.H + d.stride_h - 1) / d.stride_h, (d.W + d.stride_w - 1) / d.stride_w, 1, 1);
  const TensorMap a = map_of_dy(rounded.add(conv_outputs(d), d.K, dy), d, boxes);
  const TensorMap b = map_of_w(rounded.add(filter_taps(d), d.C, w), d, wgmma_depth);
  const dim3 blocks(static_cast<unsigned>(boxes.count()), blocks_for(d.C, columns),
                    static_cast<unsigned>(d.stride_h * d.stride_w));
  launch_v5<ConvPass::dx, columns, T>(blocks, a, b, {.d = d, .boxes = boxes, .out = dx}, stream);
}

template <int columns, class T>
void filter_gradient(const Conv2dDims& d, const T* x, const T* dy, float* dw, float* scratch, Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes = pixel_boxes(wgmma_depth, d.N, d.P(), d.Q(), d.stride_h, d.stride_w);
  const TensorMap a = map_of_dy(rounded.add(conv_outputs(d), d.K, dy), d, boxes);
  const TensorMap b = map_of_x(rounded.add(conv_inputs(d), d.C, x), d, boxes);
  const unsigned taps = static_cast<unsigned>(d.R * d.S);
  conv2d_dw_in_parts(d, x, dy, dw, rounded.rest(), stream, [&](const ConvGemmOf<T, float>& product) {
    const dim3 blocks(blocks_for(d.K, wgmma_rows), taps * blocks_for(d.C, columns),
                      static_cast<unsigned>(product.splits));
    launch_v5<ConvPass::dw, columns, float>(
        blocks, a, b, {.d = d, .boxes = boxes, .out = product.c, .splits = product.splits}, stream);
  });
}

}  // namespace

bool conv2d_supports_v5_wgmma(const Conv2dDims& d) {
  return runtime.compute_capability() == 90 && d.groups == 1 && d.stride_h <= 8 && d.stride_w <= 8 &&
         conv_outputs(d) > 0 && d.C > 0 && d.K > 0;
}

size_t conv2d_fwd_scratch_v5_wgmma(const Conv2dDims& d) {
  return Bf16Scratch::floats(conv_inputs(d), d.C, filter_taps(d), d.C);
}
size_t conv2d_dx_scratch_v5_wgmma(const Conv2dDims& d) {
  return Bf16Scratch::floats(conv_outputs(d), d.K, filter_taps(d), d.C);
}
size_t conv2d_dw_scratch_v5_wgmma(const Conv2dDims& d) {
  return Bf16Scratch::floats(conv_outputs(d), d.K, conv_inputs(d), d.C) + conv2d_dw_scratch_gemm(d);
}

#define LIMBIC_CONV2D_V5(T)                                                                                         \
  void conv2d_fwd_v5_wgmma_bf16(const Conv2dDims& d, const T* x, const T* w, const float*, const Conv2dEpilogue& e, \
                                T* y, float* scratch, Stream s) {                                                   \
    (d.K > 64 ? forward<128, T> : forward<64, T>)(d, x, w, e, y, scratch, s);                                       \
  }                                                                                                                 \
  void conv2d_dx_v5_wgmma_bf16(const Conv2dDims& d, const T* dy, const T* w, T* dx, float* scratch, Stream s) {     \
    (d.C > 64 ? input_gradient<128, T> : input_gradient<64, T>)(d, dy, w, dx, scratch, s);                          \
  }                                                                                                                 \
  void conv2d_dw_v5_wgmma_bf16(const Conv2dDims& d, const T* x, const T* dy, float* dw, float* scratch, Stream s) { \
    (d.C > 64 ? filter_gradient<128, T> : filter_gradient<64, T>)(d, x, dy, dw, scratch, s);                        \
  }
LIMBIC_CONV2D_V5(float)
LIMBIC_CONV2D_V5(limbic::bf16)
#undef LIMBIC_CONV2D_V5

}  // namespace limbic::LIMBIC_DEVICE
