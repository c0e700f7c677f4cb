// SPDX-License-Identifier: Apache-2.0
// Idea: one thread a weight, with all of its state in registers.
// Changed from v0: the loop over n is the grid; what does not depend on the weight is computed once, on the host.
// Why faster: one pass over memory, 28 bytes a weight (w, m, v read and written, g read).
// Limited by: memory bandwidth for large tensors, the launch for the many small ones of a network.
// Next: v2 takes many tensors in one launch.
#include "kernels/adam/adam_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void adam_step_v1(int64_t n, AdamConstants now, const AdamConstants* of_step, float* w, const float* g,
                             float* m, float* v, float* vmax) {
  const AdamConstants a = of_step ? *of_step : now;
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) adam_update(a, w[i], g[i], m[i], v[i], vmax ? vmax + i : nullptr);
}

void adam_step_v1_naive(const AdamDims& d, float* w, const float* g, float* m, float* v, float* vmax, Stream stream) {
  LAUNCH(adam_step_v1, (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d.n, AdamConstants(d),
         d.of_step, w, g, m, v, d.amsgrad ? vmax : nullptr);
}

}  // namespace limbic::LIMBIC_DEVICE
