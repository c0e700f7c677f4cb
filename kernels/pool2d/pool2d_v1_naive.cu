// SPDX-License-Identifier: Apache-2.0
// Idea: one thread an element of y; backward, one thread an element of dx.
// Changed from v0: the loop over elements is the grid. dx gathers from the windows that see it, where v0 scatters: no
// atomics where windows overlap.
// Why faster: it is parallel; neighbouring threads have neighbouring channels, 128 bytes a warp and request.
// Limited by: index arithmetic of each element, and 4-byte requests.
// Next: v2 does four channels with one index.
#include "kernels/gpu_storage.h"
#include "kernels/gpu_sum.h"
#include "kernels/pool2d/pool2d_device.h"

namespace limbic::LIMBIC_DEVICE {

template <class T>
__global__ void pool2d_fwd_v1(Pool2dDims d, int64_t n, const T* x, T* y, int32_t* argmax) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int P = d.P(), Q = d.Q(), c = static_cast<int>(i % d.C), q = static_cast<int>(i / d.C % Q);
  const int64_t row = i / d.C / Q;
  const DeviceWindow v(d, static_cast<int>(row % P), q);
  x += row / P * d.H * d.W * d.C + c;
  if (d.kind == PoolKind::max) {
    int best = v.h0 * d.W + v.w0;
    float top = as_float(x[int64_t{best} * d.C]);
    for (int h = v.h0; h < v.h1; ++h)
      for (int w = v.w0; w < v.w1; ++w) {
        const float next = as_float(x[int64_t{h * d.W + w} * d.C]);
        if (pool_beats(next, top)) top = next, best = h * d.W + w;
      }
    y[i] = stored_as<T>(top);
    if (argmax) argmax[i] = best;
  } else {
    LongSum sum;
    for (int h = v.h0; h < v.h1; ++h)
      for (int w = v.w0; w < v.w1; ++w) sum.add(as_float(x[int64_t{h * d.W + w} * d.C]));
    y[i] = stored_as<T>(static_cast<float>(sum.value()) / static_cast<float>(v.count));
  }
}

template <class T>
__global__ void pool2d_bwd_v1(Pool2dDims d, int64_t n, const T* dy, const int32_t* argmax, T* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int P = d.P(), Q = d.Q(), c = static_cast<int>(i % d.C), w = static_cast<int>(i / d.C % d.W);
  const int h = static_cast<int>(i / d.C / d.W % d.H);
  const int64_t image = i / d.C / d.W / d.H;
  const WindowRange down(h, d.pad_h, d.R, d.stride_h, P), across(w, d.pad_w, d.S, d.stride_w, Q);
  float sum = 0;
  for (int p = down.first; p <= down.last; ++p)
    for (int q = across.first; q <= across.last; ++q) {
      const int64_t at = ((image * P + p) * Q + q) * d.C + c;
      if (d.kind == PoolKind::avg) {
        sum += as_float(dy[at]) / static_cast<float>(DeviceWindow(d, p, q).count);
      } else if (argmax[at] == h * d.W + w) {
        sum += as_float(dy[at]);
      }
    }
  dx[i] = stored_as<T>(sum);
}

#define LIMBIC_POOL2D_V1(T)                                                                                         \
  void pool2d_fwd_v1_naive(const Pool2dDims& d, const T* x, T* y, int32_t* argmax, float*, Stream stream) {         \
    const int64_t n = int64_t{d.N} * d.P() * d.Q() * d.C;                                                           \
    LAUNCH((pool2d_fwd_v1<T>), (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, x, y,  \
           argmax);                                                                                                 \
  }                                                                                                                 \
  void pool2d_bwd_v1_naive(const Pool2dDims& d, const T* dy, const int32_t* argmax, T* dx, float*, Stream stream) { \
    const int64_t n = int64_t{d.N} * d.H * d.W * d.C;                                                               \
    LAUNCH((pool2d_bwd_v1<T>), (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, dy,    \
           argmax, dx);                                                                                             \
  }
LIMBIC_POOL2D_V1(float)
LIMBIC_POOL2D_V1(bf16)
#undef LIMBIC_POOL2D_V1

}  // namespace limbic::LIMBIC_DEVICE
