// SPDX-License-Identifier: Apache-2.0
// Idea: two inputs of one shape need no index arithmetic, and 16 bytes a request.
// Changed from v1: declines broadcasting; a thread computes four neighbouring elements.
// Why faster: no division, a quarter of the requests; 12 bytes an element.
// Limited by: memory bandwidth.
// Next: nothing alone; a residual addition gets faster inside the kernel before it.
#include "kernels/binary/binary_device.h"
#include "kernels/gpu_vector.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void binary_fwd_v2(Binary kind, Pieces pieces, const float* a, const float* b, float* y) {
  for_piece(
      pieces, int64_t{blockIdx.x} * blockDim.x + threadIdx.x,
      [&](int64_t i) {
        const float4 u = reinterpret_cast<const float4*>(a)[i], v = reinterpret_cast<const float4*>(b)[i];
        reinterpret_cast<float4*>(y)[i] = make_float4(binary_value(kind, u.x, v.x), binary_value(kind, u.y, v.y),
                                                      binary_value(kind, u.z, v.z), binary_value(kind, u.w, v.w));
      },
      [&](int64_t i) { y[i] = binary_value(kind, a[i], b[i]); });
}

void binary_fwd_v2_vector(const BinaryDims& d, const float* a, const float* b, float* y, Stream stream) {
  int64_t n = 1;
  for (int axis = 0; axis < d.rank; ++axis) n *= d.shape[axis];
  const Pieces pieces = pieces_of(n, a, b, y);
  LAUNCH(binary_fwd_v2, (Grid{.blocks = blocks_for(pieces.all, 256), .threads = 256, .stream = stream}), d.kind, pieces,
         a, b, y);
}

}  // namespace limbic::LIMBIC_DEVICE
