// SPDX-License-Identifier: Apache-2.0
// The recurrence of a long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al.
// 2000; PyTorch's and Keras's equations):
//   [i f g o] = gates_t + w_hh h_(t-1);  c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g);  h_t = sigmoid(o) tanh(c_t)
// The product of the input with its own weights is one matmul for all steps, and comes ready in `gates`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct LstmDims {
  int N, T, D;
  bool reverse = false;  ///< each sequence from its last step to its first
  int F = 0;             ///< features of x: of the whole layer, below
};

/// Sequences start from h = c = 0. Steps behind a sequence's length are padding: all that is written there is 0.
using LstmForward = void(const LstmDims&, const float* gates /*[N,T,4D]*/, const float* w_hh /*[4D,D]*/,
                         const int32_t* lengths /*[N] of 0..T, or null: all T*/, float* y /*[N,T,D]*/,
                         float* activations /*[N,T,4D] of i f g o; may be gates*/, float* cell /*[N,T,D]*/,
                         float* scratch, Stream);

/// Back-propagation through time. Overwrites dgates and dw_hh; activations, cell and y are the forward's results.
using LstmBackward = void(const LstmDims&, const float* w_hh, const int32_t* lengths, const float* activations,
                          const float* cell, const float* y, const float* dy /*[N,T,D]*/, float* dgates /*[N,T,4D]*/,
                          float* dw_hh /*[4D,D]*/, float* scratch, Stream);

// The whole layer: the input's product too, which cuDNN does not leave apart. Every sequence has T steps.

/// Floats of a layer's weights: w_ih [4D,F], w_hh [4D,D], b_ih [4D], b_hh [4D], one behind the other.
constexpr int64_t lstm_layer_weights(const LstmDims& d) { return int64_t{4} * d.D * (d.F + d.D + 2); }

using LstmLayerForward = void(const LstmDims&, const float* x /*[N,T,F]*/, const float* weights, float* y /*[N,T,D]*/,
                              float* scratch, Stream);

/// Forward and backward: all that a step of training needs of the layer. Overwrites y, dx and dweights.
using LstmLayerTrain = void(const LstmDims&, const float* x, const float* weights, const float* dy /*[N,T,D]*/,
                            float* y, float* dx /*[N,T,F]*/, float* dweights, float* scratch, Stream);

std::span<const Rung<LstmDims, LstmForward>> lstm_fwd_rungs();
std::span<const Rung<LstmDims, LstmBackward>> lstm_bwd_rungs();
std::span<const Rung<LstmDims, LstmLayerForward>> lstm_layer_fwd_rungs();
std::span<const Rung<LstmDims, LstmLayerTrain>> lstm_layer_train_rungs();

}  // namespace limbic
