// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element of C.
// Changed from v0: the loops over rows, columns and the batch are the grid.
// Why faster: M * N threads; neighbours share a row of A and read neighbouring columns of B.
// Limited by: 8 bytes from the caches for 2 FLOPs.
// Next: v2 keeps tiles of A and B in shared memory.
#include "kernels/matmul/matmul_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void matmul_v1(MatmulDims d, const float* a, const float* b, const float* bias, float* c) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x, m = blockIdx.y * blockDim.y + threadIdx.y;
  if (m >= d.M || n >= d.N) return;
  const MatmulOperands o(d, a, b, c, blockIdx.z);
  float sum = 0;
  for (int k = 0; k < d.K; ++k) sum += o.a[m * o.a_row + k * o.a_column] * o.b[k * o.b_row + n * o.b_column];
  o.c[int64_t{m} * d.N + n] = bias ? sum + bias[n] : sum;
}

void matmul_fwd_v1_naive(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c, float*,
                         Stream stream) {
  LAUNCH(matmul_v1, (Grid{.blocks = matmul_blocks(d, 8, 32), .threads = {32, 8}, .stream = stream}), d, a, b, bias, c);
}

}  // namespace limbic::LIMBIC_DEVICE
