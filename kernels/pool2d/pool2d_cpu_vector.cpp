// SPDX-License-Identifier: Apache-2.0
// Lanes run over channels, tasks over rows of the map that is written: the backward pass gathers from the windows that
// cover a pixel instead of scattering into them.
#include "kernels/pool2d/pool2d.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

struct Span {
  int begin, end;
};

/// The part of output `out`'s window that lies on an axis of length `size`.
LIMBIC_INLINE Span window(int out, int stride, int pad, int length, int size) {
  const int at = out * stride - pad;
  return {at < 0 ? 0 : at, at + length < size ? at + length : size};
}

/// The outputs (of `count`) whose windows cover input `in`.
LIMBIC_INLINE Span covering(int in, int stride, int pad, int length, int count) {
  const int reach = in + pad;
  const int begin = reach < length ? 0 : (reach - length) / stride + 1, end = reach / stride + 1;
  return {begin, end < count ? end : count};
}

LIMBIC_INLINE int divisor(const Pool2dDims& d, Span h, Span w) {
  return d.count_include_pad ? d.R * d.S : (h.end - h.begin) * (w.end - w.begin);
}

template <class T>
void max_window(const Pool2dDims& d, const T* image, Span h, Span w, T* y, int32_t* argmax) {
  vectors_of(0, d.C, [&](int64_t c, auto at) {
    const int start = h.begin * d.W + w.begin;
    f32x16 top = at.get(image + int64_t(start) * d.C + c);
    i32x16 best = broadcast_int(start);
    for (int i = h.begin; i < h.end; ++i) {
      for (int j = w.begin; j < w.end; ++j) {
        const f32x16 v = at.get(image + (int64_t(i) * d.W + j) * d.C + c);
        const mask16 better = (v > top) | (is_nan(v) & ~is_nan(top));
        top = select(better, v, top);
        best = select(better, broadcast_int(i * d.W + j), best);
      }
    }
    at.put(y + c, top);
    if (argmax) at.put(argmax + c, best);
  });
}

template <class T>
void avg_window(const Pool2dDims& d, const T* image, Span h, Span w, T* y) {
  const f32x16 share = broadcast(1.0f / static_cast<float>(divisor(d, h, w)));
  vectors_of(0, d.C, [&](int64_t c, auto at) {
    f32x16 total = zero();
    for (int i = h.begin; i < h.end; ++i) {
      for (int j = w.begin; j < w.end; ++j) total = total + at.get(image + (int64_t(i) * d.W + j) * d.C + c);
    }
    at.put(y + c, total * share);
  });
}

template <class T>
void forward(const Pool2dDims& d, const T* x, T* y, int32_t* argmax) {
  const int P = d.P(), Q = d.Q();
  for_each_row(int64_t(d.N) * P, int64_t(Q) * d.C, [&](int64_t row) {
    const T* image = x + row / P * d.H * d.W * d.C;
    const Span h = window(static_cast<int>(row % P), d.stride_h, d.pad_h, d.R, d.H);
    for (int q = 0; q < Q; ++q) {
      const Span w = window(q, d.stride_w, d.pad_w, d.S, d.W);
      const int64_t out = (row * Q + q) * d.C;
      if (d.kind == PoolKind::max) {
        max_window(d, image, h, w, y + out, argmax ? argmax + out : nullptr);
      } else {
        avg_window(d, image, h, w, y + out);
      }
    }
  });
}

}  // namespace

void pool2d_fwd_cpu_vector(const Pool2dDims& d, const float* x, float* y, int32_t* argmax, float*, Stream) {
  forward(d, x, y, argmax);
}
void pool2d_fwd_cpu_vector(const Pool2dDims& d, const bf16* x, bf16* y, int32_t* argmax, float*, Stream) {
  forward(d, x, y, argmax);
}

void pool2d_bwd_cpu_vector(const Pool2dDims& d, const float* dy, const int32_t* argmax, float* dx, float*, Stream) {
  const int P = d.P(), Q = d.Q();
  for_each_row(int64_t(d.N) * d.H, int64_t(d.W) * d.C, [&](int64_t row) {
    const int64_t n = row / d.H;
    const int h = static_cast<int>(row % d.H);
    const Span p = covering(h, d.stride_h, d.pad_h, d.R, P);
    for (int w = 0; w < d.W; ++w) {
      const Span q = covering(w, d.stride_w, d.pad_w, d.S, Q);
      const i32x16 here = broadcast_int(h * d.W + w);
      vectors_of(0, d.C, [&](int64_t c, auto at) {
        f32x16 total = zero();
        for (int i = p.begin; i < p.end; ++i) {
          for (int j = q.begin; j < q.end; ++j) {
            const int64_t from = ((n * P + i) * Q + j) * d.C + c;
            if (d.kind == PoolKind::max) {
              total = total + select(at.get(argmax + from) == here, at.get(dy + from), zero());
            } else {
              const int count =
                  divisor(d, window(i, d.stride_h, d.pad_h, d.R, d.H), window(j, d.stride_w, d.pad_w, d.S, d.W));
              total = fma(at.get(dy + from), broadcast(1.0f / static_cast<float>(count)), total);
            }
          }
        }
        at.put(dx + (row * d.W + w) * d.C + c, total);
      });
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
