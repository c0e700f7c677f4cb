// SPDX-License-Identifier: Apache-2.0
// The chain itself: batch norm's reference and the average of its map.
#pragma once
#include <vector>

#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "kernels/batch_norm_pool/batch_norm_pool.h"

namespace limbic {

/// y [N,P,Q,C] from the whole map [N,H,W,C].
template <class T>
void batch_norm_pool_average(const BatchNormPoolDims& d, const T* map, T* y) {
  for (int64_t n = 0; n < d.N; ++n)
    for (int64_t p = 0; p < d.P(); ++p)
      for (int64_t q = 0; q < d.Q(); ++q)
        for (int64_t c = 0; c < d.C; ++c) {
          T sum = 0;
          for (int64_t h = 2 * p; h < 2 * p + 2; ++h)
            for (int64_t w = 2 * q; w < 2 * q + 2; ++w) sum += map[((n * d.H + h) * d.W + w) * d.C + c];
          y[((n * d.P() + p) * d.Q() + q) * d.C + c] = sum / 4;
        }
}

template <class T>
void batch_norm_pool_apply_v0_reference(const BatchNormPoolDims& d, const T* x, const T* mean, const T* var,
                                        const T* weight, const T* bias, float eps, T* y, T*, Stream stream) {
  std::vector<T> map(static_cast<size_t>(d.map().rows) * d.C);
  batch_norm_apply_v0_reference<T>(d.map(), x, mean, var, weight, bias, eps, true, map.data(), nullptr, stream);
  batch_norm_pool_average(d, map.data(), y);
}

template <class T>
void batch_norm_pool_fwd_v0_reference(const BatchNormPoolDims& d, const T* x, const T* weight, const T* bias, float eps,
                                      T* mean, T* var, T* y, T*, Stream stream) {
  std::vector<T> map(static_cast<size_t>(d.map().rows) * d.C);
  batch_norm_fwd_v0_reference<T>(d.map(), x, weight, bias, eps, true, mean, var, map.data(), nullptr, stream);
  batch_norm_pool_average(d, map.data(), y);
}

template <class T>
void batch_norm_pool_bwd_v0_reference(const BatchNormPoolDims& d, const T* x, const T* dy, const T* mean, const T* var,
                                      const T* weight, const T* bias, float eps, bool train, T* dx, T* dweight,
                                      T* dbias, T*, Stream stream) {
  std::vector<T> dmap(static_cast<size_t>(d.map().rows) * d.C);
  for (int64_t n = 0; n < d.N; ++n)
    for (int64_t h = 0; h < 2 * d.P(); ++h)
      for (int64_t w = 0; w < 2 * d.Q(); ++w)
        for (int64_t c = 0; c < d.C; ++c)
          dmap[((n * d.H + h) * d.W + w) * d.C + c] = dy[((n * d.P() + h / 2) * d.Q() + w / 2) * d.C + c] / 4;
  batch_norm_bwd_v0_reference<T>(d.map(), x, dmap.data(), mean, var, weight, bias, eps, true, train, dx, dweight, dbias,
                                 nullptr, stream);
}

}  // namespace limbic
