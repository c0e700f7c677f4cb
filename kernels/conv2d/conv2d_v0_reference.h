// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "kernels/conv2d/conv2d.h"

namespace limbic {

/// Calls body(y index, k, products) for every element of y, in order; products(each) calls each(x index, w index) for
/// every product in its sum, in the order r, s, c.
template <class Body>
void conv2d_each_sum(const Conv2dDims& d, const Body& body) {
  const int P = d.P(), Q = d.Q(), Cg = d.C / d.groups, Kg = d.K / d.groups;
  int64_t y = 0;
  for (int n = 0; n < d.N; ++n)
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q)
        for (int k = 0; k < d.K; ++k, ++y)
          body(y, k, [&](const auto& each) {
            for (int r = 0; r < d.R; ++r)
              for (int s = 0; s < d.S; ++s) {
                const int h = p * d.stride_h - d.pad_h + r * d.dilation_h;
                const int w = q * d.stride_w - d.pad_w + s * d.dilation_w;
                if (h < 0 || h >= d.H || w < 0 || w >= d.W) continue;  // padding is zero
                const int64_t x = ((int64_t(n) * d.H + h) * d.W + w) * d.C + k / Kg * Cg;
                const int64_t tap = ((int64_t(k) * d.R + r) * d.S + s) * Cg;
                for (int c = 0; c < Cg; ++c) each(x + c, tap + c);
              }
          });
}

template <class T>
void conv2d_fwd_v0_reference(const Conv2dDims& d, const T* x, const T* w, const Wide<T>*,
                             const Conv2dEpilogue& epilogue, T* y, Wide<T>*, Stream) {
  conv2d_each_sum(d, [&](int64_t out, int k, const auto& products) {
    Wide<T> sum = 0;
    products([&](int64_t in, int64_t tap) { sum += widen(x[in]) * widen(w[tap]); });
    if (epilogue.mean) sum -= Wide<T>(epilogue.mean[k]);
    if (epilogue.scale) sum *= Wide<T>(epilogue.scale[k]);
    if (epilogue.shift) sum += Wide<T>(epilogue.shift[k]);
    y[out] = stored_as<T>(epilogue.relu && sum < 0 ? 0 : sum);
  });
}

template <class T>
void conv2d_dx_v0_reference(const Conv2dDims& d, const T* dy, const T* w, T* dx, T*, Stream) {
  std::fill_n(dx, int64_t(d.N) * d.H * d.W * d.C, T(0));
  conv2d_each_sum(d, [&](int64_t out, int, const auto& products) {
    products([&](int64_t in, int64_t tap) { dx[in] += dy[out] * w[tap]; });
  });
}

template <class T>
void conv2d_dw_v0_reference(const Conv2dDims& d, const T* x, const T* dy, T* dw, T*, Stream) {
  std::fill_n(dw, int64_t(d.K) * d.R * d.S * (d.C / d.groups), T(0));
  conv2d_each_sum(d, [&](int64_t out, int, const auto& products) {
    products([&](int64_t in, int64_t tap) { dw[tap] += x[in] * dy[out]; });
  });
}

}  // namespace limbic
