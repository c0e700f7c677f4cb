// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element, which computes its own random number: a function of its position, so there is no state.
// Changed from v0: the loop over n is the grid.
// Why faster: no thread waits for another's random numbers; 8 bytes an element, and no mask is ever stored.
// Limited by: four neighbours compute the same Philox block, 10 rounds of two 32-bit products each.
// Next: v2 draws a block for four elements.
#include "kernels/dropout/dropout_device.h"
#include "kernels/gpu.h"
#include "kernels/philox.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void dropout_fwd_v1(DropoutDims d, float scale, const float* x, float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.n) return;
  y[i] = philox_uniform(d.seed, dropout_stream(d), static_cast<uint64_t>(i)) >= d.p ? x[i] * scale : 0.0f;
}

void dropout_fwd_v1_naive(const DropoutDims& d, const float* x, float* y, Stream stream) {
  LAUNCH(dropout_fwd_v1, (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d, 1 / (1 - d.p), x,
         y);
}

}  // namespace limbic::LIMBIC_DEVICE
