// SPDX-License-Identifier: Apache-2.0
// Idea: a convolution is one matrix product whose rows (of x, tap by tap) are found while tiles are loaded, never
// built.
// Changed from v2: taps and channels make one depth, cut into tiles of 16 without waste between taps; each of 256
// threads keeps a 4x4 tile of the result in registers. dw cuts its depth, the pixels, into parts for several blocks.
// Why faster: 2 shared loads of 16 bytes for 16 multiply-adds; 0.125 bytes from device memory for 2 FLOPs. Taps that
// are padding for a whole tile are skipped: 64 images at one pixel of a map 2 wide have 4 or 6 of 9 taps.
// Limited by: the FP32 units, and waiting for the next tiles between two barriers.
// Next: v4 multiplies on tensor cores and fetches the next tiles meanwhile.
#include "kernels/conv2d/conv2d_gemm.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int gemm_depth = 16, gemm_threads = 256;

template <ConvPass pass>
__global__ void __launch_bounds__(gemm_threads) conv2d_v3(ConvGemm product) {
  SHARED(tile_a, float[gemm_depth][conv_gemm_tile + 4]);  // [depth][row]
  SHARED(tile_b, float[gemm_depth][conv_gemm_tile + 4]);  // [depth][column]
  const ConvTiles<pass, gemm_depth, gemm_threads, 1> tiles(product);
  const int own_row = threadIdx.x / 16 * 4, own_column = threadIdx.x % 16 * 4;
  float sum[4][4] = {};
  for (auto k0 = tiles.first_depth(); k0 < tiles.last_depth(); k0 = tiles.next_depth(k0)) {
    tiles.fetch(
        k0, [&](int row, int k, const float* from) { tile_a[k][row] = from ? *from : 0.0f; },
        [&](int column, int k, const float* from) { tile_b[k][column] = from ? *from : 0.0f; });
    __syncthreads();
    for (int k = 0; k < gemm_depth; ++k) {
      const float4 va = *reinterpret_cast<const float4*>(&tile_a[k][own_row]);
      const float4 vb = *reinterpret_cast<const float4*>(&tile_b[k][own_column]);
      const float left[4] = {va.x, va.y, va.z, va.w}, right[4] = {vb.x, vb.y, vb.z, vb.w};
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] += left[i] * right[j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) tiles.store(own_row + i, own_column + j, sum[i][j]);
}

__global__ void conv2d_dw_add(int splits, int64_t n, const float* parts, float* dw) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
  for (int split = 0; split < splits; ++split) sum += parts[split * n + i];
  dw[i] = sum;
}

void conv2d_dw_add_parts(int splits, int64_t n, const float* parts, float* dw, Stream stream) {
  LAUNCH(conv2d_dw_add, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), splits, n, parts, dw);
}

size_t conv2d_dw_scratch_gemm(const Conv2dDims& d) {
  const int splits = conv2d_dw_splits(d);
  return splits == 1 ? 0 : size_t(splits) * d.K * d.R * d.S * (d.C / d.groups);
}

void conv2d_fwd_v3_implicit_gemm(const Conv2dDims& d, const float* x, const float* w, const float*,
                                 const Conv2dEpilogue& epilogue, float* y, float*, Stream stream) {
  ConvGemm g = conv_gemm(ConvPass::fwd, d, x, w, y);
  g.epilogue = epilogue;
  LAUNCH(conv2d_v3<ConvPass::fwd>, conv_gemm_grid(g, gemm_threads, stream), g);
}

void conv2d_dx_v3_implicit_gemm(const Conv2dDims& d, const float* dy, const float* w, float* dx, float*,
                                Stream stream) {
  const ConvGemm g = conv_gemm(ConvPass::dx, d, dy, w, dx);
  LAUNCH(conv2d_v3<ConvPass::dx>, conv_gemm_grid(g, gemm_threads, stream), g);
}

void conv2d_dw_v3_implicit_gemm(const Conv2dDims& d, const float* x, const float* dy, float* dw, float* scratch,
                                Stream stream) {
  conv2d_dw_in_parts(d, x, dy, dw, scratch, stream, [&](const ConvGemm& g) {
    LAUNCH(conv2d_v3<ConvPass::dw>, conv_gemm_grid(g, gemm_threads, stream), g);
  });
}

}  // namespace limbic::LIMBIC_DEVICE
