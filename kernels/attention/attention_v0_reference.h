// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/philox.h"

namespace limbic {

/// What dropout multiplies score i with.
template <class T>
T attention_kept(const AttentionDims& d, int64_t i) {
  return philox_uniform(d.seed, d.stream, static_cast<uint64_t>(i)) >= d.p ? T(1) / (T(1) - T(d.p)) : T(0);
}

template <class T>
void attention_fwd_v0_reference(const AttentionDims& d, const T* u, const T* w, const T* bias, const T* h,
                                const int32_t* lengths, T* scores, T* weights, T* y, Stream) {
  std::fill_n(scores, int64_t(d.N) * d.T, T(0));
  std::fill_n(weights, int64_t(d.N) * d.T, T(0));
  std::fill_n(y, int64_t(d.N) * d.E, T(0));
  for (int64_t n = 0; n < d.N; ++n) {
    const int length = lengths ? lengths[n] : d.T;
    const int64_t first = n * d.T;
    T top = -std::numeric_limits<T>::infinity(), sum = 0;
    for (int64_t i = first; i < first + length; ++i) {
      T z = bias[0];
      for (int a = 0; a < d.A; ++a) z += w[a] * u[i * d.A + a];
      scores[i] = std::tanh(z);
      weights[i] = scores[i] * attention_kept<T>(d, i);
      top = std::max(top, weights[i]);
    }
    for (int64_t i = first; i < first + length; ++i) sum += std::exp(weights[i] - top);
    for (int64_t i = first; i < first + length; ++i) {
      weights[i] = std::exp(weights[i] - top) / sum;
      for (int e = 0; e < d.E; ++e) y[n * d.E + e] += weights[i] * h[i * d.E + e];
    }
  }
}

template <class T>
void attention_bwd_v0_reference(const AttentionDims& d, const T* u, const T* w, const T* h, const int32_t* lengths,
                                const T* scores, const T* weights, const T* dy, T* du, T* dw, T* dbias, T* dh, T*,
                                Stream) {
  std::fill_n(du, int64_t(d.N) * d.T * d.A, T(0));
  std::fill_n(dh, int64_t(d.N) * d.T * d.E, T(0));
  std::fill_n(dw, d.A, T(0));
  dbias[0] = 0;
  std::vector<T> dweights(d.T);
  for (int64_t n = 0; n < d.N; ++n) {
    const int length = lengths ? lengths[n] : d.T;
    T sum = 0;
    for (int t = 0; t < length; ++t) {
      const int64_t i = n * d.T + t;
      dweights[t] = 0;
      for (int e = 0; e < d.E; ++e) {
        dweights[t] += dy[n * d.E + e] * h[i * d.E + e];
        dh[i * d.E + e] = dy[n * d.E + e] * weights[i];
      }
      sum += weights[i] * dweights[t];
    }
    for (int t = 0; t < length; ++t) {
      const int64_t i = n * d.T + t;
      const T dz = weights[i] * (dweights[t] - sum) * attention_kept<T>(d, i) * (1 - scores[i] * scores[i]);
      dbias[0] += dz;
      for (int a = 0; a < d.A; ++a) {
        dw[a] += dz * u[i * d.A + a];
        du[i * d.A + a] = dz * w[a];
      }
    }
  }
}

}  // namespace limbic
