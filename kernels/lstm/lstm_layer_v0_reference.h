// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/lstm/lstm_v0_reference.h"

namespace limbic {

/// The parts of a layer's weights, or of their gradients.
template <class T>
struct LstmLayerParts {
  T *w_ih, *w_hh, *b_ih, *b_hh;
  LstmLayerParts(const LstmDims& d, T* all)
      : w_ih(all),
        w_hh(w_ih + int64_t{4} * d.D * d.F),
        b_ih(w_hh + int64_t{4} * d.D * d.D),
        b_hh(b_ih + int64_t{4} * d.D) {}
};

/// activations [N,T,4D] and cell [N,T,D] are the recurrence's.
template <class T>
void lstm_layer_forward(const LstmDims& d, const T* x, const T* weights, T* y, T* activations, T* cell) {
  const LstmLayerParts<const T> w(d, weights);
  for (int64_t row = 0; row < int64_t{d.N} * d.T; ++row) {
    for (int64_t j = 0; j < 4 * d.D; ++j) {
      T gate = w.b_ih[j] + w.b_hh[j];
      for (int f = 0; f < d.F; ++f) gate += w.w_ih[j * d.F + f] * x[row * d.F + f];
      activations[row * 4 * d.D + j] = gate;
    }
  }
  lstm_fwd_v0_reference<T>(d, activations, w.w_hh, nullptr, y, activations, cell, nullptr, {});
}

template <class T>
void lstm_layer_fwd_v0_reference(const LstmDims& d, const T* x, const T* weights, T* y, T*, Stream) {
  const size_t states = size_t(d.N) * d.T * d.D;
  std::vector<T> activations(4 * states), cell(states);
  lstm_layer_forward(d, x, weights, y, activations.data(), cell.data());
}

template <class T>
void lstm_layer_train_v0_reference(const LstmDims& d, const T* x, const T* weights, const T* dy, T* y, T* dx,
                                   T* dweights, T*, Stream) {
  const LstmLayerParts<const T> w(d, weights);
  const LstmLayerParts<T> dw(d, dweights);
  const size_t states = size_t(d.N) * d.T * d.D;
  std::vector<T> activations(4 * states), cell(states), dgates(4 * states);
  lstm_layer_forward(d, x, weights, y, activations.data(), cell.data());
  std::fill_n(dweights, lstm_layer_weights(d), T(0));
  lstm_bwd_v0_reference<T>(d, w.w_hh, nullptr, activations.data(), cell.data(), y, dy, dgates.data(), dw.w_hh, nullptr,
                           {});
  std::fill_n(dx, int64_t{d.N} * d.T * d.F, T(0));
  for (int64_t row = 0; row < int64_t{d.N} * d.T; ++row) {
    for (int64_t j = 0; j < 4 * d.D; ++j) {
      const T dgate = dgates[row * 4 * d.D + j];
      dw.b_ih[j] += dgate, dw.b_hh[j] += dgate;
      for (int f = 0; f < d.F; ++f) {
        dx[row * d.F + f] += dgate * w.w_ih[j * d.F + f];
        dw.w_ih[j * d.F + f] += dgate * x[row * d.F + f];
      }
    }
  }
}

}  // namespace limbic
