// SPDX-License-Identifier: Apache-2.0
// Idea: four channels a thread, 16 bytes a request (8 of bf16).
// Changed from v1: one window's arithmetic serves four channels; channels that are no multiple of four are declined,
// arrays at odd addresses left to v1.
// Why faster: a quarter of the requests and of the index arithmetic; a 2x2 average moves 5 bytes for each byte of y.
// Limited by: memory bandwidth.
// Next: nothing alone; behind a batch norm it disappears into that kernel.
#include "kernels/gpu_storage.h"
#include "kernels/gpu_sum.h"
#include "kernels/gpu_vector.h"
#include "kernels/pool2d/pool2d_device.h"

namespace limbic::LIMBIC_DEVICE {

struct alignas(16) FourInts {
  int32_t of[4];
};

template <class T>
__global__ void pool2d_fwd_v2(Pool2dDims d, int64_t n, const T* x, T* y, FourInts* argmax) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int C4 = d.C / 4, P = d.P(), Q = d.Q(), c = static_cast<int>(i % C4), q = static_cast<int>(i / C4 % Q);
  const int64_t row = i / C4 / Q;
  const DeviceWindow v(d, static_cast<int>(row % P), q);
  const int64_t corner = row / P * d.H * d.W * C4 + c;
  Floats<4> result;
  if (d.kind == PoolKind::max) {
    const int first = v.h0 * d.W + v.w0;
    FourInts best{{first, first, first, first}};
    result = load<4>(x, corner + int64_t{first} * C4);
    for (int h = v.h0; h < v.h1; ++h)
      for (int w = v.w0; w < v.w1; ++w) {
        const Floats<4> next = load<4>(x, corner + int64_t{h * d.W + w} * C4);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          if (pool_beats(next.of[j], result.of[j])) result.of[j] = next.of[j], best.of[j] = h * d.W + w;
      }
    if (argmax) argmax[i] = best;
  } else {
    LongSum sum[4];
    for (int h = v.h0; h < v.h1; ++h)
      for (int w = v.w0; w < v.w1; ++w) {
        const Floats<4> next = load<4>(x, corner + int64_t{h * d.W + w} * C4);
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[j].add(next.of[j]);
      }
#pragma unroll
    for (int j = 0; j < 4; ++j) result.of[j] = static_cast<float>(sum[j].value()) / static_cast<float>(v.count);
  }
  store(y, i, result);
}

template <class T>
__global__ void pool2d_bwd_v2(Pool2dDims d, int64_t n, const T* dy, const FourInts* argmax, T* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int C4 = d.C / 4, P = d.P(), Q = d.Q(), c = static_cast<int>(i % C4), w = static_cast<int>(i / C4 % d.W);
  const int h = static_cast<int>(i / C4 / d.W % d.H);
  const int64_t image = i / C4 / d.W / d.H;
  const WindowRange down(h, d.pad_h, d.R, d.stride_h, P), across(w, d.pad_w, d.S, d.stride_w, Q);
  Floats<4> sum{};
  for (int p = down.first; p <= down.last; ++p)
    for (int q = across.first; q <= across.last; ++q) {
      const int64_t at = ((image * P + p) * Q + q) * C4 + c;
      const Floats<4> g = load<4>(dy, at);
      const float count = static_cast<float>(DeviceWindow(d, p, q).count);
      FourInts winner{};
      if (d.kind == PoolKind::max) winner = argmax[at];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (d.kind == PoolKind::avg) {
          sum.of[j] += g.of[j] / count;
        } else if (winner.of[j] == h * d.W + w) {
          sum.of[j] += g.of[j];
        }
      }
    }
  store(dx, i, sum);
}

#define LIMBIC_POOL2D_V2(T)                                                                                          \
  void pool2d_fwd_v2_vector(const Pool2dDims& d, const T* x, T* y, int32_t* argmax, float* scratch, Stream stream) { \
    if (!aligned_for_vectors(x, y, argmax)) return pool2d_fwd_v1_naive(d, x, y, argmax, scratch, stream);            \
    const int64_t n = int64_t{d.N} * d.P() * d.Q() * (d.C / 4);                                                      \
    LAUNCH((pool2d_fwd_v2<T>), (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, x, y,   \
           reinterpret_cast<FourInts*>(argmax));                                                                     \
  }                                                                                                                  \
  void pool2d_bwd_v2_vector(const Pool2dDims& d, const T* dy, const int32_t* argmax, T* dx, float* scratch,          \
                            Stream stream) {                                                                         \
    if (!aligned_for_vectors(dy, argmax, dx)) return pool2d_bwd_v1_naive(d, dy, argmax, dx, scratch, stream);        \
    const int64_t n = int64_t{d.N} * d.H * d.W * (d.C / 4);                                                          \
    LAUNCH((pool2d_bwd_v2<T>), (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), d, n, dy,     \
           reinterpret_cast<const FourInts*>(argmax), dx);                                                           \
  }
LIMBIC_POOL2D_V2(float)
LIMBIC_POOL2D_V2(bf16)
#undef LIMBIC_POOL2D_V2

}  // namespace limbic::LIMBIC_DEVICE
