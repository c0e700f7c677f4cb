// SPDX-License-Identifier: Apache-2.0
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {

TensorDescriptor::TensorDescriptor(const MapDims& d, cudnnTensorFormat_t layout, cudnnDataType_t type) {
  check("cudnnCreateTensorDescriptor", cudnnCreateTensorDescriptor(&raw_));
  check("cudnnSetTensor4dDescriptor", cudnnSetTensor4dDescriptor(raw_, layout, type, d.n, d.c, d.h, d.w));
}

namespace {

cudnnActivationDescriptor_t relu() {
  static const cudnnActivationDescriptor_t descriptor = [] {
    cudnnActivationDescriptor_t made = nullptr;
    check("cudnnCreateActivationDescriptor", cudnnCreateActivationDescriptor(&made));
    check("cudnnSetActivationDescriptor",
          cudnnSetActivationDescriptor(made, CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0));
    return made;
  }();
  return descriptor;
}

}  // namespace

void relu_in_place(const TensorDescriptor& map, void* y, Stream stream) {
  check("cudnnActivationForward", cudnnActivationForward(cudnn(stream), relu(), &one, map, y, &zero, map, y));
}

void relu_gradient(const TensorDescriptor& map, const void* z, const void* dy, void* dz, Stream stream) {
  // it looks at the sign of z or of y: both are the same
  check("cudnnActivationBackward",
        cudnnActivationBackward(cudnn(stream), relu(), &one, map, z, map, dy, map, z, &zero, map, dz));
}

void finish(const Conv2dEpilogue& e, const MapDims& d, float* y, Stream stream) {
  static const cudnnOpTensorDescriptor_t product = [] {
    cudnnOpTensorDescriptor_t made = nullptr;
    check("cudnnCreateOpTensorDescriptor", cudnnCreateOpTensorDescriptor(&made));
    check("cudnnSetOpTensorDescriptor",
          cudnnSetOpTensorDescriptor(made, CUDNN_OP_TENSOR_MUL, CUDNN_DATA_FLOAT, CUDNN_PROPAGATE_NAN));
    return made;
  }();
  const TensorDescriptor map(d), channels({1, d.c, 1, 1});
  const cudnnHandle_t handle = cudnn(stream);
  const auto add = [&](float factor, const float* numbers) {
    check("cudnnAddTensor", cudnnAddTensor(handle, &factor, channels, numbers, &one, map, y));
  };
  if (e.mean) add(-1, e.mean);
  if (e.scale) {
    check("cudnnOpTensor", cudnnOpTensor(handle, product, &one, map, y, &one, channels, e.scale, &zero, map, y));
  }
  if (e.shift) add(1, e.shift);
  if (e.relu) relu_in_place(map, y, stream);
}

}  // namespace limbic::vendor
