// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/gpu.h"
#include "kernels/matmul/matmul.h"

namespace limbic::LIMBIC_DEVICE {

/// One of the batch's products, with the strides that transposition leaves.
struct MatmulOperands {
  const float *a, *b;
  float* c;
  int64_t a_row, a_column;  ///< A[m,k] = a[m * a_row + k * a_column]
  int64_t b_row, b_column;  ///< B[k,n] = b[k * b_row + n * b_column]

  __device__ MatmulOperands(const MatmulDims& d, const float* all_a, const float* all_b, float* all_c, int64_t i)
      : a(all_a + i * d.M * d.K),
        b(all_b + i * d.K * d.N),
        c(all_c + i * d.M * d.N),
        a_row(d.trans_a ? 1 : d.K),
        a_column(d.trans_a ? d.M : 1),
        b_row(d.trans_b ? 1 : d.N),
        b_column(d.trans_b ? d.K : 1) {}
};

/// A block a tile of C: x along N, y along M, z along the batch.
inline dim3 matmul_blocks(const MatmulDims& d, int rows, int columns) {
  return {blocks_for(d.N, columns), blocks_for(d.M, rows), static_cast<unsigned>(d.batch)};
}

}  // namespace limbic::LIMBIC_DEVICE
