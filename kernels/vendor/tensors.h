// SPDX-License-Identifier: Apache-2.0
// cuDNN's older descriptors: tensors, and what is done to each element.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/vendor/library.h"

namespace limbic::vendor {

/// Dims as cuDNN orders them, wherever the channels lie.
struct MapDims {
  int n, c, h, w;
};

class TensorDescriptor {
 public:
  explicit TensorDescriptor(const MapDims& d, cudnnTensorFormat_t layout = CUDNN_TENSOR_NHWC,
                            cudnnDataType_t type = CUDNN_DATA_FLOAT);
  ~TensorDescriptor() { cudnnDestroyTensorDescriptor(raw_); }
  TensorDescriptor(const TensorDescriptor&) = delete;
  operator cudnnTensorDescriptor_t() const { return raw_; }

 private:
  cudnnTensorDescriptor_t raw_ = nullptr;
};

/// How cuDNN calls what is stored as T: float or bf16.
template <class T>
constexpr cudnnDataType_t type_of = sizeof(T) == 2 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;

/// A map of T, the channels last.
template <class T>
struct MapOf : TensorDescriptor {
  explicit MapOf(const MapDims& d) : TensorDescriptor(d, CUDNN_TENSOR_NHWC, type_of<T>) {}
};

constexpr float one = 1, zero = 0;

/// y = max(y, 0)
void relu_in_place(const TensorDescriptor& map, void* y, Stream);

/// dz = dy where z > 0, else 0
void relu_gradient(const TensorDescriptor& map, const void* z, const void* dy, void* dz, Stream);

/// Applies a convolution's epilogue to y, a map of sums.
void finish(const Conv2dEpilogue&, const MapDims&, float* y, Stream);

}  // namespace limbic::vendor
