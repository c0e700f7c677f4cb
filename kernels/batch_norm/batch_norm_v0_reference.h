// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "kernels/batch_norm/batch_norm.h"

namespace limbic {

template <class T>
void batch_norm_apply_v0_reference(const BatchNormDims& d, const T* x, const Wide<T>* mean, const Wide<T>* var,
                                   const Wide<T>* weight, const Wide<T>* bias, float eps, bool relu, T* y, Wide<T>*,
                                   Stream) {
  for (int c = 0; c < d.C; ++c) {
    const Wide<T> scale = weight[c] / std::sqrt(var[c] + Wide<T>(eps));
    for (int64_t r = 0; r < d.rows; ++r) {
      const Wide<T> z = (widen(x[r * d.C + c]) - mean[c]) * scale + bias[c];
      y[r * d.C + c] = stored_as<T>(relu && z < 0 ? 0 : z);
    }
  }
}

template <class T>
void batch_norm_fwd_v0_reference(const BatchNormDims& d, const T* x, const T* weight, const T* bias, float eps,
                                 bool relu, T* mean, T* var, T* y, T* scratch, Stream stream) {
  for (int c = 0; c < d.C; ++c) {
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < d.rows; ++r) sum += x[r * d.C + c];
    const double m = sum / double(d.rows);
    for (int64_t r = 0; r < d.rows; ++r) squares += (x[r * d.C + c] - m) * (x[r * d.C + c] - m);
    mean[c] = T(m);
    var[c] = T(squares / double(d.rows));
  }
  batch_norm_apply_v0_reference(d, x, mean, var, weight, bias, eps, relu, y, scratch, stream);
}

template <class T>
void batch_norm_bwd_v0_reference(const BatchNormDims& d, const T* x, const T* dy, const T* mean, const T* var,
                                 const T* weight, const T* bias, float eps, bool relu, bool train, T* dx, T* dweight,
                                 T* dbias, T*, Stream) {
  for (int c = 0; c < d.C; ++c) {
    const T rstd = 1 / std::sqrt(var[c] + T(eps)), scale = weight[c] / std::sqrt(var[c] + T(eps));
    // dz: the gradient in front of the ReLU
    const auto dz = [&](int64_t r) {
      const T z = (x[r * d.C + c] - mean[c]) * scale + bias[c];
      return relu && z <= 0 ? T(0) : dy[r * d.C + c];
    };
    double sum = 0, sum_xhat = 0;
    for (int64_t r = 0; r < d.rows; ++r) {
      sum += dz(r);
      sum_xhat += dz(r) * ((x[r * d.C + c] - mean[c]) * rstd);
    }
    const T mean_dz = train ? T(sum / double(d.rows)) : T(0),
            mean_dz_xhat = train ? T(sum_xhat / double(d.rows)) : T(0);
    for (int64_t r = 0; r < d.rows; ++r) {
      const T xhat = (x[r * d.C + c] - mean[c]) * rstd;
      dx[r * d.C + c] = scale * (dz(r) - mean_dz - xhat * mean_dz_xhat);
    }
    dweight[c] = T(sum_xhat);
    dbias[c] = T(sum);
  }
}

}  // namespace limbic
