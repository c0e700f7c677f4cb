// SPDX-License-Identifier: Apache-2.0
// Idea: tensor cores multiply, and cp.async brings the next tiles meanwhile. A float is too wide for them: TF32 keeps
// 10 of its 23 mantissa bits; 3xTF32 splits it into a high and a low part and adds the three products that matter.
// Changed from v3: four warps compute 32x32 each by mma.m16n8k8; two tiles of A and B take turns in shared memory.
// Why faster: 1024 multiply-adds an instruction (a third of that for 3xTF32); loads and arithmetic overlap.
// Limited by: 4-byte copies into shared memory, which any stride and border allow.
// Next: 16-byte copies where the operands are aligned, and ldmatrix; v5 has the copy engine bring whole tiles for wgmma.
#include "kernels/matmul/matmul_device.h"
#include "kernels/ptx.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int mma_tile = 64, mma_depth = 16, mma_threads = 128;

/// A float as one TF32 number, or as the sum of two.
template <bool split>
struct Tf32 {
  uint32_t high, low = 0;
  __device__ explicit Tf32(float x) : high(to_tf32(x)) {
    if (split) low = to_tf32(x - __uint_as_float(high));
  }
};

template <bool split>
__global__ void __launch_bounds__(mma_threads)
    matmul_v4(MatmulDims d, const float* a, const float* b, const float* bias, float* c) {
  SHARED(tile_a, float[2][mma_tile][mma_depth + 4]);  // [m][k]
  SHARED(tile_b, float[2][mma_depth][mma_tile + 8]);  // [k][n]
  const int thread = threadIdx.x, lane = thread % 32, g = lane / 4, t = lane % 4;
  const int m0 = blockIdx.y * mma_tile, n0 = blockIdx.x * mma_tile;
  const int warp_m = thread / 64 * 32, warp_n = thread / 32 % 2 * 32;
  const MatmulOperands o(d, a, b, c, blockIdx.z);

  const auto fetch = [&](int k0) {  // what lies outside of A or B becomes 0
    const int buffer = k0 / mma_depth % 2;
    for (int i = thread; i < mma_tile * mma_depth; i += mma_threads) {
      const int m = d.trans_a ? i % mma_tile : i / mma_depth, k = d.trans_a ? i / mma_tile : i % mma_depth;
      const bool inside = m0 + m < d.M && k0 + k < d.K;
      const float* const from = inside ? o.a + (m0 + m) * o.a_row + (k0 + k) * o.a_column : o.a;
      cp_async<4>(&tile_a[buffer][m][k], from, inside ? 4 : 0);
    }
    for (int i = thread; i < mma_tile * mma_depth; i += mma_threads) {
      const int n = d.trans_b ? i / mma_depth : i % mma_tile, k = d.trans_b ? i % mma_depth : i / mma_tile;
      const bool inside = n0 + n < d.N && k0 + k < d.K;
      const float* const from = inside ? o.b + (k0 + k) * o.b_row + (n0 + n) * o.b_column : o.b;
      cp_async<4>(&tile_b[buffer][k][n], from, inside ? 4 : 0);
    }
    cp_async_commit();
  };

  float sum[2][4][4] = {};  // 2 x 4 tiles of 16 x 8
  fetch(0);
  for (int k0 = 0; k0 < d.K; k0 += mma_depth) {
    const int buffer = k0 / mma_depth % 2;
    if (k0 + mma_depth < d.K) {
      fetch(k0 + mma_depth);
      cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < mma_depth; k += 8) {
      uint32_t a_high[2][4], a_low[2][4], b_high[4][2], b_low[4][2];
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          const Tf32<split> v(tile_a[buffer][warp_m + 16 * i + g + r % 2 * 8][k + t + r / 2 * 4]);
          a_high[i][r] = v.high, a_low[i][r] = v.low;
        }
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          const Tf32<split> v(tile_b[buffer][k + t + r * 4][warp_n + 8 * j + g]);
          b_high[j][r] = v.high, b_low[j][r] = v.low;
        }
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (split) {  // the small products first
            mma_m16n8k8_tf32(sum[i][j], a_low[i], b_high[j]);
            mma_m16n8k8_tf32(sum[i][j], a_high[i], b_low[j]);
          }
          mma_m16n8k8_tf32(sum[i][j], a_high[i], b_high[j]);
        }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const int m = m0 + warp_m + 16 * i + g + r / 2 * 8, n = n0 + warp_n + 8 * j + 2 * t + r % 2;
        if (m < d.M && n < d.N) o.c[int64_t{m} * d.N + n] = bias ? sum[i][j][r] + bias[n] : sum[i][j][r];
      }
}

void matmul_fwd_v4_tensor_core_3xtf32(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                                      float*, Stream stream) {
  const Grid grid{.blocks = matmul_blocks(d, mma_tile, mma_tile), .threads = mma_threads, .stream = stream};
  LAUNCH(matmul_v4<true>, grid, d, a, b, bias, c);
}

void matmul_fwd_v4_tensor_core_tf32(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                                    float*, Stream stream) {
  const Grid grid{.blocks = matmul_blocks(d, mma_tile, mma_tile), .threads = mma_threads, .stream = stream};
  LAUNCH(matmul_v4<false>, grid, d, a, b, bias, c);
}

}  // namespace limbic::LIMBIC_DEVICE
