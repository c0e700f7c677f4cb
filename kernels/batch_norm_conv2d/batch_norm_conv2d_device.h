// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of a convolution's tile of results, while it is still in registers.
#pragma once
#include "kernels/conv2d/conv2d_mma.h"
#include "kernels/gpu_vector.h"

namespace limbic::LIMBIC_DEVICE {

/// `count` sums of each column of the block's tile, of its upper and its lower warps.
template <int count>
using ColumnSums = float[count][2][conv_gemm_tile];

/// Adds up what terms(column)(row, number of the tile), Floats<count>, is in each column. `sums` is complete after a
/// barrier; of a column that does not exist it holds what nobody may read.
template <int count, class Tiles, class Terms>
__device__ void sum_columns(const Tiles& tiles, const MmaSums& sum, ColumnSums<count>& sums, const Terms& terms) {
  const int n = tiles.rows(), half = threadIdx.x / 64;
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int odd = 0; odd < 2; ++odd) {
      const int column = mma_column(j, odd);
      const auto term = terms(column);
      Floats<count> own = {};
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int r = odd; r < 4; r += 2) {
          if (mma_row(i, r) >= n) continue;
          const Floats<count> here = term(mma_row(i, r), sum[i][j][r]);
#pragma unroll
          for (int t = 0; t < count; ++t) own.of[t] += here.of[t];
        }
#pragma unroll
      for (int t = 0; t < count; ++t) {
        for (int bits = 4; bits < 32; bits *= 2) own.of[t] += __shfl_xor_sync(0xffffffffu, own.of[t], bits);
        if (threadIdx.x % 32 < 4) sums[t][half][column] = own.of[t];
      }
    }
}

template <int count>
__device__ float column_sum(const ColumnSums<count>& sums, int which, int column) {
  return sums[which][0][column] + sums[which][1][column];
}

}  // namespace limbic::LIMBIC_DEVICE
