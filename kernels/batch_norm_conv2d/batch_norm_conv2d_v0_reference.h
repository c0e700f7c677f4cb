// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/conv2d/conv2d_v0_reference.h"

namespace limbic {

/// relu(batch_norm(x)), or x where there is no mean.
template <class T>
std::vector<T> normalised_v0_reference(const Conv2dDims& d, const T* x, const T* mean, const T* var, const T* weight,
                                       const T* bias, float eps) {
  const BatchNormDims map{int64_t(d.N) * d.H * d.W, d.C};
  std::vector<T> z(x, x + map.rows * map.C);
  if (mean) batch_norm_apply_v0_reference<T>(map, x, mean, var, weight, bias, eps, true, z.data(), nullptr, {});
  return z;
}

template <class T>
void batch_norm_conv2d_fwd_v0_reference(const Conv2dDims& d, const T* x, const T* mean, const T* var, const T* weight,
                                        const T* bias, float eps, const T* w, T* y, T* y_mean, T* y_var, T*, Stream) {
  const std::vector<T> z = normalised_v0_reference(d, x, mean, var, weight, bias, eps);
  conv2d_fwd_v0_reference<T>(d, z.data(), w, nullptr, {}, y, nullptr, {});
  const int64_t rows = int64_t(d.N) * d.P() * d.Q();
  for (int k = 0; k < d.K; ++k) {
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < rows; ++r) sum += y[r * d.K + k];
    const double m = sum / double(rows);
    for (int64_t r = 0; r < rows; ++r) squares += (y[r * d.K + k] - m) * (y[r * d.K + k] - m);
    y_mean[k] = T(m), y_var[k] = T(squares / double(rows));
  }
}

template <class T>
void batch_norm_conv2d_dx_v0_reference(const Conv2dDims& d, const T* x, const T* mean, const T* var, const T* weight,
                                       const T* bias, float eps, const T* w, const T* dy, bool train, T* dx, T* dweight,
                                       T* dbias, T*, Stream) {
  const BatchNormDims map{int64_t(d.N) * d.H * d.W, d.C};
  conv2d_dx_v0_reference<T>(d, dy, w, dx, nullptr, {});
  batch_norm_bwd_v0_reference<T>(map, x, dx, mean, var, weight, bias, eps, true, train, dx, dweight, dbias, nullptr,
                                 {});
}

template <class T>
void batch_norm_conv2d_dw_v0_reference(const Conv2dDims& d, const T* x, const T* mean, const T* var, const T* weight,
                                       const T* bias, float eps, const T* dy, T* dw, T*, Stream) {
  const std::vector<T> z = normalised_v0_reference(d, x, mean, var, weight, bias, eps);
  conv2d_dw_v0_reference<T>(d, z.data(), dy, dw, nullptr, {});
}

}  // namespace limbic
