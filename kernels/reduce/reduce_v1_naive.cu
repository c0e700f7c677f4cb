// SPDX-License-Identifier: Apache-2.0
// Idea: one thread a result; backward, one thread an element of dx.
// Changed from v0: the loops over outer and inner are the grid.
// Why faster: where inner is large, neighbouring threads walk down neighbouring columns, and every request is full.
// Limited by: with inner = 1 each thread reads a row of its own, 32 rows a request; with few results most of the GPU
// idles.
// Next: v2 gives a row to a block.
#include "kernels/reduce/reduce_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void reduce_fwd_v1(ReduceDims d, const float* x, float* y, int32_t* argmax) {
  const int64_t out = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (out >= d.outer * d.inner) return;
  const float* const column = x + out / d.inner * d.n * d.inner + out % d.inner;
  if (d.kind == ReduceKind::max) {
    Top top{column[0], 0};
    for (int k = 1; k < d.n; ++k) {
      const Top next{column[k * d.inner], k};
      if (next.beats(top)) top = next;
    }
    y[out] = top.value;
    if (argmax) argmax[out] = top.index;
    return;
  }
  LongSum sum;
  for (int64_t k = 0; k < d.n; ++k) sum.add(column[k * d.inner]);
  y[out] = static_cast<float>(d.kind == ReduceKind::mean ? sum.value() / static_cast<double>(d.n) : sum.value());
}

__global__ void reduce_bwd_v1(ReduceDims d, const float* dy, const int32_t* argmax, float* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.outer * d.n * d.inner) return;
  const int64_t k = i / d.inner % d.n, out = i / (d.n * d.inner) * d.inner + i % d.inner;
  float value = dy[out];
  if (d.kind == ReduceKind::mean) value /= static_cast<float>(d.n);
  if (d.kind == ReduceKind::max && argmax[out] != k) value = 0;
  dx[i] = value;
}

void reduce_fwd_v1_naive(const ReduceDims& d, const float* x, float* y, int32_t* argmax, float*, Stream stream) {
  LAUNCH(reduce_fwd_v1, (Grid{.blocks = blocks_for(d.outer * d.inner, 256), .threads = 256, .stream = stream}), d, x, y,
         argmax);
}

void reduce_bwd_v1_naive(const ReduceDims& d, const float* dy, const int32_t* argmax, float* dx, float*,
                         Stream stream) {
  LAUNCH(reduce_bwd_v1, (Grid{.blocks = blocks_for(d.outer * d.n * d.inner, 256), .threads = 256, .stream = stream}), d,
         dy, argmax, dx);
}

}  // namespace limbic::LIMBIC_DEVICE
