// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "kernels/vendor/lstm.h"

namespace limbic::vendor {

LstmDescriptors::LstmDescriptors(const LstmDims& d, cudnnRNNAlgo_t algorithm) {
  check("cudnnCreateRNNDescriptor", cudnnCreateRNNDescriptor(&layer.raw));
  // two biases, as PyTorch has them: the algorithms that stay for all steps know nothing else
  check("cudnnSetRNNDescriptor_v8",
        cudnnSetRNNDescriptor_v8(layer, algorithm, CUDNN_LSTM, CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL,
                                 CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, d.F, d.D, d.D,
                                 1, nullptr, CUDNN_RNN_PADDED_IO_ENABLED));
  const std::vector<int> lengths(static_cast<size_t>(d.N), d.T);
  float padding = 0;
  for (const auto& [data, width] : {std::pair(&x.raw, d.F), std::pair(&y.raw, d.D)}) {
    check("cudnnCreateRNNDataDescriptor", cudnnCreateRNNDataDescriptor(data));
    check("cudnnSetRNNDataDescriptor",
          cudnnSetRNNDataDescriptor(*data, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED, d.T, d.N,
                                    width, lengths.data(), &padding));
  }
  const int size[] = {1, d.N, d.D}, stride[] = {d.N * d.D, d.D, 1};
  check("cudnnCreateTensorDescriptor", cudnnCreateTensorDescriptor(&state.raw));
  check("cudnnSetTensorNdDescriptor", cudnnSetTensorNdDescriptor(state, CUDNN_DATA_FLOAT, 3, size, stride));
}

}  // namespace limbic::vendor
