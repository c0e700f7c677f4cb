// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element.
// Changed from v0: the loop is the grid.
// Why faster: it is parallel, and neighbouring threads have neighbouring elements.
// Limited by: requests of 2 and 4 bytes.
// Next: v2 moves four elements a request.
#include "kernels/cast/cast.h"
#include "kernels/gpu_storage.h"

namespace limbic::LIMBIC_DEVICE {

template <class From, class To>
__global__ void cast_v1(CastDims d, const From* x, To* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < d.n) y[i] = stored_as<To>(as_float(x[i]));
}

void cast_narrow_v1_naive(const CastDims& d, const float* x, bf16* y, Stream stream) {
  LAUNCH((cast_v1<float, bf16>), (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d, x, y);
}

void cast_widen_v1_naive(const CastDims& d, const bf16* x, float* y, Stream stream) {
  LAUNCH((cast_v1<bf16, float>), (Grid{.blocks = blocks_for(d.n, 256), .threads = 256, .stream = stream}), d, x, y);
}

}  // namespace limbic::LIMBIC_DEVICE
