// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element of the result; backward, one thread an element of an input's gradient.
// Changed from v0: the loop over elements is the grid. A broadcast input gathers its gradient, where v0 scatters it: no
// atomics, and the same order of sums in every run.
// Why faster: it is parallel; 12 bytes an element forward.
// Limited by: forward, divisions of 64-bit indices; backward, one thread sums all that was broadcast from an element.
// Next: v2 has neither, for inputs of one shape.
#include "kernels/binary/binary_device.h"
#include "kernels/gpu_sum.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void binary_fwd_v1(BinaryDims d, int64_t n, const float* a, const float* b, float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int64_t rest = i, at_a = 0, at_b = 0;
  for (int axis = d.rank - 1; axis >= 0; --axis) {
    const int64_t at = rest % d.shape[axis];
    rest /= d.shape[axis];
    at_a += at * d.stride_a[axis], at_b += at * d.stride_b[axis];
  }
  y[i] = binary_value(d.kind, a[at_a], b[at_b]);
}

/// dx of the left or the right input, in its own shape of n elements, each used `uses` times.
template <bool left>
__global__ void binary_bwd_v1(BinaryDims d, int64_t n, int64_t uses, const float* a, const float* b, const float* dy,
                              float* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int64_t* const own_stride = left ? d.stride_a : d.stride_b;
  LongSum sum;
  for (int64_t use = 0; use < uses; ++use) {
    int64_t rest_own = i, rest_use = use, at_a = 0, at_b = 0, at_y = 0, stride_y = 1;
    for (int axis = d.rank - 1; axis >= 0; --axis) {
      int64_t& rest = own_stride[axis] ? rest_own : rest_use;
      const int64_t at = rest % d.shape[axis];
      rest /= d.shape[axis];
      at_a += at * d.stride_a[axis], at_b += at * d.stride_b[axis], at_y += at * stride_y;
      stride_y *= d.shape[axis];
    }
    sum.add(binary_slope<left>(d.kind, a ? a + at_a : a, b ? b + at_b : b, dy[at_y]));
  }
  dx[i] = static_cast<float>(sum.value());
}

namespace {

int64_t elements(const BinaryDims& d, const int64_t* stride) {
  int64_t n = 1;
  for (int axis = 0; axis < d.rank; ++axis) n *= !stride || stride[axis] ? d.shape[axis] : 1;
  return n;
}

template <bool left>
void launch_backward(const BinaryDims& d, const float* a, const float* b, const float* dy, float* dx, Stream stream) {
  const int64_t n = elements(d, left ? d.stride_a : d.stride_b);
  if (!dx || !n) return;
  LAUNCH(binary_bwd_v1<left>, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n,
         elements(d, nullptr) / n, a, b, dy, dx);
}

}  // namespace

void binary_fwd_v1_naive(const BinaryDims& d, const float* a, const float* b, float* y, Stream stream) {
  const int64_t n = elements(d, nullptr);
  LAUNCH(binary_fwd_v1, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, a, b, y);
}

void binary_bwd_v1_naive(const BinaryDims& d, const float* a, const float* b, const float* dy, float* da, float* db,
                         Stream stream) {
  launch_backward<true>(d, a, b, dy, da, stream);
  launch_backward<false>(d, a, b, dy, db, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
