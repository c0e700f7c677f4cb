// SPDX-License-Identifier: Apache-2.0
// Idea: a warpgroup multiplies 64 x 128 x 16 with one wgmma, whose operands stay in shared memory, and one thread has
// the copy engine bring them there.
// Changed from v4: x, dy and w become bf16 in scratch memory first; then a step's rows are a box of the map [N,H,W,C],
// one bulk copy that fills the borders with zeros and steps over strides; four stages in flight, on mbarriers.
// Why faster: no thread computes an address, no register holds an operand; 128x128 tiles read each input from L2 half
// as often as v4's.
// Limited by: copying to bf16 first; one tile a block, so nothing overlaps its end; few blocks where maps are small.
// Next: blocks that stay for several tiles, and clusters that share their copies. Unmeasured, so by name only.
#include "kernels/conv2d/conv2d_gemm.h"
#include "kernels/gpu_runtime.h"
#include "kernels/wgmma_gemm.h"

namespace limbic::LIMBIC_DEVICE {

/// Maps [images, height, width], cut into boxes of 2^log_n x 2^log_h x 2^log_w pixels.
struct PixelBoxes {
  int images, height, width;
  int log_n, log_h, log_w;

  __host__ __device__ int along(int length, int log) const { return (length + (1 << log) - 1) >> log; }
  __host__ __device__ int across() const { return along(width, log_w); }
  __host__ __device__ int down() const { return along(height, log_h); }
  __host__ __device__ int64_t count() const { return int64_t{along(images, log_n)} * down() * across(); }

  /// The first pixel of box i.
  __device__ MapPixel corner(int i) const {
    const int row = i / across();
    return {row / down() << log_n, row % down() << log_h, i % across() << log_w};
  }
  /// Pixel `i` of the box that begins at `corner`; n < 0: outside.
  __device__ MapPixel pixel(const MapPixel& corner, int i) const {
    const int w = corner.w + (i & ((1 << log_w) - 1)), h = corner.h + (i >> log_w & ((1 << log_h) - 1));
    const int n = corner.n + (i >> (log_w + log_h));
    return n < images && h < height && w < width ? MapPixel{n, h, w} : MapPixel{-1, 0, 0};
  }
};

struct WgmmaConv {
  Conv2dDims d;
  PixelBoxes boxes;  ///< fwd, dw: of y; dx: of every stride_h-th row and stride_w-th column of x
  float* out;        ///< dw: [splits, K, R, S, C]
  int splits = 1;    ///< dw: parts of the boxes, a block each
  Conv2dEpilogue epilogue = {};
};

/// The taps along one axis that reach input pixels congruent to offset - pad: first, first + every, ...
struct Taps {
  int first, every, count;
  __device__ Taps(int length, int dilation, int stride, int offset) : first(0) {
    while (first < length && (offset - first * dilation) % stride) ++first;
    int next = first + 1;
    while (next < length && (offset - next * dilation) % stride) ++next;
    every = next - first;
    count = first < length ? (length - 1 - first) / every + 1 : 0;
  }
};

template <ConvPass pass, int columns>
__global__ void __launch_bounds__(wgmma_threads)
    conv2d_v5(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, WgmmaConv g) {
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
        [&](float* y, int column, float sum) {
          const int k = column0 + column;
          if (y && k < d.K) y[k] = conv_result(g.epilogue, sum, k);
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
        [&](float* dx, int column, float sum) {
          if (dx && column0 + column < d.C) dx[column0 + column] = sum;
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

/// The fewest boxes of `pixels`, a power of two; of these the widest, then the highest.
PixelBoxes pixel_boxes(int pixels, int images, int height, int width, int step_h, int step_w) {
  PixelBoxes best{images, height, width, 0, 0, 0};
  int64_t fewest = INT64_MAX;
  for (int w = 0; 1 << w <= pixels && step_w << w <= 256; ++w)
    for (int h = 0; 1 << (w + h) <= pixels && step_h << h <= 256; ++h) {
      PixelBoxes boxes{images, height, width, 0, h, w};
      while (1 << (boxes.log_n + h + w) < pixels) ++boxes.log_n;
      if (boxes.count() <= fewest) best = boxes, fewest = boxes.count();
    }
  return best;
}

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

template <ConvPass pass, int columns>
void launch_v5(const dim3& blocks, const TensorMap& a, const TensorMap& b, const WgmmaConv& g, Stream stream) {
  const Grid grid{.blocks = blocks,
                  .threads = wgmma_threads,
                  .shared_bytes = size_t{wgmma_stages} * wgmma_stage<columns>,
                  .stream = stream};
  LAUNCH((conv2d_v5<pass, columns>), grid, a, b, g);
}

template <int columns>
void forward(const Conv2dDims& d, const float* x, const float* w, const Conv2dEpilogue& epilogue, float* y,
             float* scratch, Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes = pixel_boxes(wgmma_rows, d.N, d.P(), d.Q(), d.stride_h, d.stride_w);
  const TensorMap a = map_of_x(rounded.add(conv_inputs(d), d.C, x), d, boxes);
  const TensorMap b = map_of_w(rounded.add(filter_taps(d), d.C, w), d, columns);
  const dim3 blocks(static_cast<unsigned>(boxes.count()), blocks_for(d.K, columns));
  launch_v5<ConvPass::fwd, columns>(blocks, a, b, {.d = d, .boxes = boxes, .out = y, .epilogue = epilogue}, stream);
}

template <int columns>
void input_gradient(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch, Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes =
      pixel_boxes(wgmma_rows, d.N, (d.H + d.stride_h - 1) / d.stride_h, (d.W + d.stride_w - 1) / d.stride_w, 1, 1);
  const TensorMap a = map_of_dy(rounded.add(conv_outputs(d), d.K, dy), d, boxes);
  const TensorMap b = map_of_w(rounded.add(filter_taps(d), d.C, w), d, wgmma_depth);
  const dim3 blocks(static_cast<unsigned>(boxes.count()), blocks_for(d.C, columns),
                    static_cast<unsigned>(d.stride_h * d.stride_w));
  launch_v5<ConvPass::dx, columns>(blocks, a, b, {.d = d, .boxes = boxes, .out = dx}, stream);
}

template <int columns>
void filter_gradient(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* scratch, Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const PixelBoxes boxes = pixel_boxes(wgmma_depth, d.N, d.P(), d.Q(), d.stride_h, d.stride_w);
  const TensorMap a = map_of_dy(rounded.add(conv_outputs(d), d.K, dy), d, boxes);
  const TensorMap b = map_of_x(rounded.add(conv_inputs(d), d.C, x), d, boxes);
  const unsigned taps = static_cast<unsigned>(d.R * d.S);
  conv2d_dw_in_parts(d, x, dy, dw, rounded.rest(), stream, [&](const ConvGemm& product) {
    const dim3 blocks(blocks_for(d.K, wgmma_rows), taps * blocks_for(d.C, columns),
                      static_cast<unsigned>(product.splits));
    launch_v5<ConvPass::dw, columns>(blocks, a, b, {.d = d, .boxes = boxes, .out = product.c, .splits = product.splits},
                                     stream);
  });
}

size_t scratch_for(int64_t rows_a, int n_a, int64_t rows_b, int n_b) {
  return Bf16Scratch::floats(rows_a, n_a) + Bf16Scratch::floats(rows_b, n_b) + Bf16Scratch::floats(0, 0);
}

}  // namespace

bool conv2d_supports_v5_wgmma(const Conv2dDims& d) {
  return runtime.compute_capability() == 90 && d.groups == 1 && d.stride_h <= 8 && d.stride_w <= 8 &&
         conv_outputs(d) > 0 && d.C > 0 && d.K > 0;
}

size_t conv2d_fwd_scratch_v5_wgmma(const Conv2dDims& d) {
  return scratch_for(conv_inputs(d), d.C, filter_taps(d), d.C);
}
size_t conv2d_dx_scratch_v5_wgmma(const Conv2dDims& d) {
  return scratch_for(conv_outputs(d), d.K, filter_taps(d), d.C);
}
size_t conv2d_dw_scratch_v5_wgmma(const Conv2dDims& d) {
  return scratch_for(conv_outputs(d), d.K, conv_inputs(d), d.C) + conv2d_dw_scratch_gemm(d);
}

void conv2d_fwd_v5_wgmma_bf16(const Conv2dDims& d, const float* x, const float* w, const float*,
                              const Conv2dEpilogue& epilogue, float* y, float* scratch, Stream stream) {
  (d.K > 64 ? forward<128> : forward<64>)(d, x, w, epilogue, y, scratch, stream);
}
void conv2d_dx_v5_wgmma_bf16(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch,
                             Stream stream) {
  (d.C > 64 ? input_gradient<128> : input_gradient<64>)(d, dy, w, dx, scratch, stream);
}
void conv2d_dw_v5_wgmma_bf16(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* scratch,
                             Stream stream) {
  (d.C > 64 ? filter_gradient<128> : filter_gradient<64>)(d, x, dy, dw, scratch, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
