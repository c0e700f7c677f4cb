// SPDX-License-Identifier: Apache-2.0
// Idea: Winograd's F(2x2, 3x3): 2x2 outputs from 4x4 inputs with 16 products instead of 36; between the transforms, a
// matrix product for each of the 16 frequencies.
// Changed from v3_implicit_gemm: a block transforms its patches while it loads them, each warp multiplies at two
// frequencies, and the results meet in shared memory to be transformed back. fwd and dx of 3x3 filters with stride 1.
// Why faster: 2.25 times fewer multiply-adds; 3 shared loads of 16 bytes for 32 of them.
// Limited by: the FP32 units; a fifth of the work is adding before and after.
// Next: the same products on tensor cores; F(4x4, 3x3), four times fewer, where its rounding is welcome.
#include "kernels/conv2d/conv2d_device.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int wino_points = 16, wino_tiles = 32, wino_filters = 32, wino_depth = 8, wino_threads = 256;
constexpr int wino_row = wino_tiles + 4;  // the rows of 8 channels begin in different banks
constexpr int wino_product_row = 16 + 1;

/// A convolution with 3x3 filters and stride 1 from maps [N,H,W,C] to [N,P,Q,K].
struct WinoMaps {
  int N, H, W, C, P, Q, K, pad_h, pad_w;
  __host__ __device__ int down() const { return (P + 1) / 2; }
  __host__ __device__ int across() const { return (Q + 1) / 2; }
  __host__ __device__ int64_t tiles() const { return int64_t{N} * down() * across(); }
};

/// Where tile t begins; n < 0: there is none.
__device__ inline MapPixel wino_tile(const WinoMaps& m, int64_t t) {
  if (t >= m.tiles()) return {-1, 0, 0};
  const MapPixel tile = map_pixel(t, m.down(), m.across());
  return {tile.n, 2 * tile.h, 2 * tile.w};
}

/// u[16][K][C] = G g G' for every filter; g(k, r, s, c) = w[k at_k + (3r + s) at_tap + c at_c], turned round for dx.
__global__ void conv2d_winograd_filters(int C, int K, int64_t at_k, int64_t at_tap, int64_t at_c, bool turned, const float* w,
                                        float* u) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= int64_t{C} * K) return;
  const int k = static_cast<int>(i / C), c = static_cast<int>(i % C);
  float e[4][3];
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    float g[3];
#pragma unroll
    for (int r = 0; r < 3; ++r) g[r] = w[k * at_k + (turned ? 8 - (3 * r + s) : 3 * r + s) * at_tap + c * at_c];
    e[0][s] = g[0];
    e[1][s] = 0.5f * (g[0] + g[1] + g[2]);
    e[2][s] = 0.5f * (g[0] - g[1] + g[2]);
    e[3][s] = g[2];
  }
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const float row[4] = {e[r][0], 0.5f * (e[r][0] + e[r][1] + e[r][2]), 0.5f * (e[r][0] - e[r][1] + e[r][2]), e[r][2]};
#pragma unroll
    for (int s = 0; s < 4; ++s) u[(4 * r + s) * int64_t{C} * K + i] = row[s];
  }
}

/// B' d B of one tile and channel, at v[f][wino_depth][wino_row].
__device__ inline void wino_load_patch(const WinoMaps& m, const float* x, const MapPixel& tile, int c, float* v) {
  float d[4][4], e[4][4];
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int h = tile.h - m.pad_h + i, w = tile.w - m.pad_w + j;
      const bool inside = tile.n >= 0 && c < m.C && h >= 0 && h < m.H && w >= 0 && w < m.W;
      d[i][j] = inside ? x[((int64_t{tile.n} * m.H + h) * m.W + w) * m.C + c] : 0.0f;
    }
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    e[0][j] = d[0][j] - d[2][j];
    e[1][j] = d[1][j] + d[2][j];
    e[2][j] = d[2][j] - d[1][j];
    e[3][j] = d[1][j] - d[3][j];
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float row[4] = {e[i][0] - e[i][2], e[i][1] + e[i][2], e[i][2] - e[i][1], e[i][1] - e[i][3]};
#pragma unroll
    for (int j = 0; j < 4; ++j) v[(4 * i + j) * wino_depth * wino_row] = row[j];
  }
}

/// A' p A of one tile and filter, from p[f][wino_tiles][wino_product_row].
__device__ inline void wino_store_tile(const WinoMaps& m, const float* p, const MapPixel& tile, int k,
                                       const Conv2dEpilogue& epilogue, float* y) {
  if (tile.n < 0 || k >= m.K) return;
  float e[2][4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    float column[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) column[i] = p[(4 * i + j) * wino_tiles * wino_product_row];
    e[0][j] = column[0] + column[1] + column[2];
    e[1][j] = column[1] - column[2] - column[3];
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float sums[2] = {e[i][0] + e[i][1] + e[i][2], e[i][1] - e[i][2] - e[i][3]};
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      if (tile.h + i >= m.P || tile.w + j >= m.Q) continue;
      y[((int64_t{tile.n} * m.P + tile.h + i) * m.Q + tile.w + j) * m.K + k] = conv_result(epilogue, sums[j], k);
    }
  }
}

/// A block: 32 tiles, 32 filters.
__global__ void __launch_bounds__(wino_threads)
    conv2d_winograd(WinoMaps m, const float* x, const float* u, Conv2dEpilogue epilogue, float* y) {
  SHARED(memory, float[2 * wino_points * wino_depth * wino_row]);
  float* const patches = memory;                                        // [f][channel][tile]
  float* const filters = memory + wino_points * wino_depth * wino_row;  // [f][channel][filter]
  const int64_t first_tile = int64_t{blockIdx.x} * wino_tiles;
  const int first_filter = blockIdx.y * wino_filters;
  const int own_f = threadIdx.x / 32 * 2, own_tile = threadIdx.x % 32 / 4 * 4, own_filter = threadIdx.x % 4 * 8;
  const int in_tile = threadIdx.x / wino_depth, in_channel = threadIdx.x % wino_depth;
  const MapPixel patch = wino_tile(m, first_tile + in_tile);
  const int k = first_filter + in_tile;  // the same threads fetch the filters

  float sum[2][4][8] = {};
  for (int c0 = 0; c0 < m.C; c0 += wino_depth) {
    wino_load_patch(m, x, patch, c0 + in_channel, patches + in_channel * wino_row + in_tile);
    for (int f = 0; f < wino_points; ++f) {
      const bool inside = c0 + in_channel < m.C && k < m.K;
      filters[(f * wino_depth + in_channel) * wino_row + in_tile] =
          inside ? u[(int64_t{f} * m.K + k) * m.C + c0 + in_channel] : 0.0f;
    }
    __syncthreads();
    for (int c = 0; c < wino_depth; ++c)
#pragma unroll
      for (int f = 0; f < 2; ++f) {
        const int row = ((own_f + f) * wino_depth + c) * wino_row;
        const float4 v = *reinterpret_cast<const float4*>(patches + row + own_tile);
        const float4 low = *reinterpret_cast<const float4*>(filters + row + own_filter);
        const float4 high = *reinterpret_cast<const float4*>(filters + row + own_filter + 4);
        const float left[4] = {v.x, v.y, v.z, v.w};
        const float right[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 8; ++j) sum[f][i][j] += left[i] * right[j];
      }
    __syncthreads();
  }

  float* const products = memory;  // [f][tile][wino_product_row], one half of the filters after the other
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    if (own_filter / 16 == half) {
#pragma unroll
      for (int f = 0; f < 2; ++f)
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 8; ++j)
            products[((own_f + f) * wino_tiles + own_tile + i) * wino_product_row + own_filter % 16 + j] = sum[f][i][j];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < wino_tiles * 16; i += wino_threads) {
      wino_store_tile(m, products + i / 16 * wino_product_row + i % 16, wino_tile(m, first_tile + i / 16),
                      first_filter + 16 * half + i % 16, epilogue, y);
    }
    __syncthreads();
  }
}

bool conv2d_supports_v3_winograd(const Conv2dDims& d) {
  return d.R == 3 && d.S == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 && d.dilation_w == 1 &&
         d.groups == 1 && d.pad_h <= 2 && d.pad_w <= 2;
}

size_t conv2d_scratch_v3_winograd(const Conv2dDims& d) { return size_t{wino_points} * d.C * d.K; }

void conv2d_winograd_run(const WinoMaps& m, const float* x, const float* u, const Conv2dEpilogue& epilogue, float* y,
                         Stream stream) {
  const dim3 blocks(blocks_for(m.tiles(), wino_tiles), blocks_for(m.K, wino_filters));
  LAUNCH(conv2d_winograd, (Grid{.blocks = blocks, .threads = wino_threads, .stream = stream}), m, x, u, epilogue, y);
}

void conv2d_fwd_v3_winograd(const Conv2dDims& d, const float* x, const float* w, const float*,
                            const Conv2dEpilogue& epilogue, float* y, float* scratch, Stream stream) {
  LAUNCH(conv2d_winograd_filters, (Grid{.blocks = blocks_for(int64_t{d.C} * d.K, 256), .threads = 256, .stream = stream}),
         d.C, d.K, int64_t{9} * d.C, int64_t{d.C}, int64_t{1}, false, w, scratch);
  conv2d_winograd_run({d.N, d.H, d.W, d.C, d.P(), d.Q(), d.K, d.pad_h, d.pad_w}, x, scratch, epilogue, y, stream);
}

/// A convolution of dy with the filters turned round and channels exchanged.
void conv2d_dx_v3_winograd(const Conv2dDims& d, const float* dy, const float* w, float* dx, float* scratch, Stream stream) {
  LAUNCH(conv2d_winograd_filters, (Grid{.blocks = blocks_for(int64_t{d.C} * d.K, 256), .threads = 256, .stream = stream}),
         d.K, d.C, int64_t{1}, int64_t{d.C}, int64_t{9} * d.C, true, w, scratch);
  conv2d_winograd_run({d.N, d.P(), d.Q(), d.K, d.H, d.W, d.C, 2 - d.pad_h, 2 - d.pad_w}, dy, scratch, {}, dx, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
