// SPDX-License-Identifier: Apache-2.0
// A layer of LSTM as cuDNN's older recurrent interface describes it.
#pragma once
#include <array>

#include "kernels/lstm/lstm.h"
#include "kernels/vendor/library.h"

namespace limbic::vendor {

/// How cuDNN may walk through time: step by step, or in kernels that stay for all steps.
constexpr std::array<cudnnRNNAlgo_t, 3> lstm_algorithms = {CUDNN_RNN_ALGO_STANDARD, CUDNN_RNN_ALGO_PERSIST_STATIC,
                                                           CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H};

template <class Raw, auto destroy>
struct Owned {
  Raw raw = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  ~Owned() {
    if (raw) destroy(raw);
  }
  operator Raw() const { return raw; }
};

/// The descriptors of a layer, in f32, of N sequences of T steps each; throws where cuDNN refuses. Needs no device.
struct LstmDescriptors {
  LstmDescriptors(const LstmDims&, cudnnRNNAlgo_t);

  Owned<cudnnRNNDescriptor_t, cudnnDestroyRNNDescriptor> layer;
  Owned<cudnnRNNDataDescriptor_t, cudnnDestroyRNNDataDescriptor> x, y;
  Owned<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor> state;  ///< [1,N,D]: the first and last h and c
};

}  // namespace limbic::vendor
