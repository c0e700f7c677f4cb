// SPDX-License-Identifier: Apache-2.0
// Idea: each of 256 threads keeps a 4x4 tile of C in registers; the block computes 64x64.
// Changed from v2: a thread multiplies 4 elements of A with 4 of B, and A lies transposed in shared memory, so that
// both are 16-byte loads.
// Why faster: 2 shared loads of 16 bytes for 16 multiply-adds; 0.125 bytes from device memory for 2 FLOPs.
// Limited by: the FP32 units, and waiting for the next tiles between two barriers.
// Next: v4 multiplies on tensor cores and fetches the next tiles meanwhile.
#include "kernels/matmul/matmul_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void __launch_bounds__(256)
    matmul_v3(MatmulDims d, const float* a, const float* b, const float* bias, float* c) {
  constexpr int tile = 64, depth = 16, threads = 256;
  SHARED(tile_a, float[depth][tile + 4]);  // [k][m]
  SHARED(tile_b, float[depth][tile + 4]);  // [k][n]
  const int t = threadIdx.x, m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;
  const int own_m = t / 16 * 4, own_n = t % 16 * 4;
  const MatmulOperands o(d, a, b, c, blockIdx.z);
  float sum[4][4] = {};
  for (int k0 = 0; k0 < d.K; k0 += depth) {
    for (int i = t; i < tile * depth; i += threads) {  // neighbouring threads read neighbouring addresses
      const int m = d.trans_a ? i % tile : i / depth, k = d.trans_a ? i / tile : i % depth;
      const bool inside = m0 + m < d.M && k0 + k < d.K;
      tile_a[k][m] = inside ? o.a[(m0 + m) * o.a_row + (k0 + k) * o.a_column] : 0.0f;
    }
    for (int i = t; i < tile * depth; i += threads) {
      const int n = d.trans_b ? i / depth : i % tile, k = d.trans_b ? i % depth : i / tile;
      const bool inside = n0 + n < d.N && k0 + k < d.K;
      tile_b[k][n] = inside ? o.b[(k0 + k) * o.b_row + (n0 + n) * o.b_column] : 0.0f;
    }
    __syncthreads();
    for (int k = 0; k < depth; ++k) {
      const float4 va = *reinterpret_cast<const float4*>(&tile_a[k][own_m]);
      const float4 vb = *reinterpret_cast<const float4*>(&tile_b[k][own_n]);
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
    for (int j = 0; j < 4; ++j) {
      const int m = m0 + own_m + i, n = n0 + own_n + j;
      if (m < d.M && n < d.N) o.c[int64_t{m} * d.N + n] = bias ? sum[i][j] + bias[n] : sum[i][j];
    }
}

void matmul_fwd_v3_register_tiled(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                                  float*, Stream stream) {
  LAUNCH(matmul_v3, (Grid{.blocks = matmul_blocks(d, 64, 64), .threads = 256, .stream = stream}), d, a, b, bias, c);
}

}  // namespace limbic::LIMBIC_DEVICE
