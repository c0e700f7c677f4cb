// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/lstm/lstm.h"

namespace limbic {

template <class T>
T sigmoid_of(T x) {
  return 1 / (1 + std::exp(-x));
}

/// Step `s` of a sequence: where it lies in time, and where the step before it does (-1: there is none).
struct LstmStep {
  int t, before;
};

inline LstmStep lstm_step(const LstmDims& d, int length, int s) {
  if (!d.reverse) return {s, s - 1};
  return {length - 1 - s, s == 0 ? -1 : length - s};
}

template <class T>
void lstm_fwd_v0_reference(const LstmDims& d, const T* gates, const T* w_hh, const int32_t* lengths, T* y,
                           T* activations, T* cell, T*, Stream) {
  const int D = d.D;
  for (int64_t n = 0; n < d.N; ++n) {
    const int length = lengths ? lengths[n] : d.T;
    for (int s = 0; s < length; ++s) {
      const LstmStep step = lstm_step(d, length, s);
      const int64_t at = n * d.T + step.t, before = n * d.T + step.before;
      for (int j = 0; j < D; ++j) {
        T z[4];  // i f g o
        for (int gate = 0; gate < 4; ++gate) {
          z[gate] = gates[at * 4 * D + gate * D + j];
          for (int k = 0; k < D && step.before >= 0; ++k)
            z[gate] += w_hh[(int64_t(gate) * D + j) * D + k] * y[before * D + k];
        }
        const T i = sigmoid_of(z[0]), f = sigmoid_of(z[1]), g = std::tanh(z[2]), o = sigmoid_of(z[3]);
        const T c = i * g + (step.before >= 0 ? f * cell[before * D + j] : T(0));
        T* const a = activations + at * 4 * D + j;
        a[0] = i, a[D] = f, a[2 * D] = g, a[3 * D] = o;
        cell[at * D + j] = c;
        y[at * D + j] = o * std::tanh(c);
      }
    }
    const int64_t end = n * d.T + length, padding = d.T - length;
    std::fill_n(y + end * D, padding * D, T(0));
    std::fill_n(cell + end * D, padding * D, T(0));
    std::fill_n(activations + end * 4 * D, padding * 4 * D, T(0));
  }
}

template <class T>
void lstm_bwd_v0_reference(const LstmDims& d, const T* w_hh, const int32_t* lengths, const T* activations,
                           const T* cell, const T* y, const T* dy, T* dgates, T* dw_hh, T*, Stream) {
  const int D = d.D;
  std::fill_n(dgates, int64_t(d.N) * d.T * 4 * D, T(0));
  std::fill_n(dw_hh, int64_t(4) * D * D, T(0));
  for (int64_t n = 0; n < d.N; ++n) {
    const int length = lengths ? lengths[n] : d.T;
    std::vector<T> dh(D), dc(D);  // from the step that comes after
    for (int s = length - 1; s >= 0; --s) {
      const LstmStep step = lstm_step(d, length, s);
      const int64_t at = n * d.T + step.t, before = n * d.T + step.before;
      T* const dz = dgates + at * 4 * D;
      for (int j = 0; j < D; ++j) {
        const T* const a = activations + at * 4 * D + j;
        const T i = a[0], f = a[D], g = a[2 * D], o = a[3 * D], tanh_c = std::tanh(cell[at * D + j]);
        const T dhj = dy[at * D + j] + dh[j], dcj = dc[j] + dhj * o * (1 - tanh_c * tanh_c);
        dz[j] = dcj * g * i * (1 - i);
        dz[D + j] = step.before >= 0 ? dcj * cell[before * D + j] * f * (1 - f) : T(0);
        dz[2 * D + j] = dcj * i * (1 - g * g);
        dz[3 * D + j] = dhj * tanh_c * o * (1 - o);
        dc[j] = dcj * f;
      }
      std::fill(dh.begin(), dh.end(), T(0));
      for (int row = 0; row < 4 * D && step.before >= 0; ++row)
        for (int k = 0; k < D; ++k) {
          dh[k] += dz[row] * w_hh[int64_t(row) * D + k];
          dw_hh[int64_t(row) * D + k] += dz[row] * y[before * D + k];
        }
    }
  }
}

}  // namespace limbic
