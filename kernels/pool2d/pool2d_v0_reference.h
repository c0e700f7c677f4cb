// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "kernels/pool2d/pool2d.h"

namespace limbic {

/// The part of a window that lies on the map, and what an average over it divides by.
struct PoolWindow {
  int h0, h1, w0, w1;
  int count;
};

inline PoolWindow pool_window(const Pool2dDims& d, int p, int q) {
  const int h = p * d.stride_h - d.pad_h, w = q * d.stride_w - d.pad_w;
  PoolWindow v{std::max(h, 0), std::min(h + d.R, d.H), std::max(w, 0), std::min(w + d.S, d.W), d.R * d.S};
  if (!d.count_include_pad) v.count = (v.h1 - v.h0) * (v.w1 - v.w0);
  return v;
}

template <class T>
void pool2d_fwd_v0_reference(const Pool2dDims& d, const T* x, T* y, int32_t* argmax, Wide<T>*, Stream) {
  int64_t out = 0;
  for (int n = 0; n < d.N; ++n)
    for (int p = 0; p < d.P(); ++p)
      for (int q = 0; q < d.Q(); ++q)
        for (int c = 0; c < d.C; ++c, ++out) {
          const PoolWindow v = pool_window(d, p, q);
          const auto at = [&](int h, int w) { return widen(x[((int64_t(n) * d.H + h) * d.W + w) * d.C + c]); };
          double sum = 0;
          int best = v.h0 * d.W + v.w0;
          Wide<T> top = at(v.h0, v.w0);
          for (int h = v.h0; h < v.h1; ++h)
            for (int w = v.w0; w < v.w1; ++w) {
              sum += at(h, w);
              if (at(h, w) > top || (at(h, w) != at(h, w) && top == top)) top = at(h, w), best = h * d.W + w;
            }
          y[out] = stored_as<T>(d.kind == PoolKind::max ? top : Wide<T>(sum / v.count));
          if (d.kind == PoolKind::max && argmax) argmax[out] = best;
        }
}

template <class T>
void pool2d_bwd_v0_reference(const Pool2dDims& d, const T* dy, const int32_t* argmax, T* dx, T*, Stream) {
  std::fill_n(dx, int64_t(d.N) * d.H * d.W * d.C, T(0));
  int64_t out = 0;
  for (int n = 0; n < d.N; ++n)
    for (int p = 0; p < d.P(); ++p)
      for (int q = 0; q < d.Q(); ++q)
        for (int c = 0; c < d.C; ++c, ++out) {
          T* map = dx + int64_t(n) * d.H * d.W * d.C + c;
          if (d.kind == PoolKind::max) {
            map[int64_t(argmax[out]) * d.C] += dy[out];
            continue;
          }
          const PoolWindow v = pool_window(d, p, q);
          for (int h = v.h0; h < v.h1; ++h)
            for (int w = v.w0; w < v.w1; ++w) map[(int64_t(h) * d.W + w) * d.C] += dy[out] / T(v.count);
        }
}

template <class T>
void pool2d_train_v0_reference(const Pool2dDims& d, const T* x, const T* dy, T* y, T* dx, T*, Stream) {
  std::vector<int32_t> argmax(size_t(d.N) * d.P() * d.Q() * d.C);
  pool2d_fwd_v0_reference<T>(d, x, y, argmax.data(), nullptr, {});
  pool2d_bwd_v0_reference<T>(d, dy, argmax.data(), dx, nullptr, {});
}

}  // namespace limbic
