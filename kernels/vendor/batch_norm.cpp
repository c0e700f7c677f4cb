// SPDX-License-Identifier: Apache-2.0
// cuDNN's batch norm, of maps in f32 or bf16, its statistics in f32. The ReLU is a pass of its own: over y, and in the
// backward pass over y computed again. Its gradient is that of training; in evaluation dx is what its inference makes
// of dy.
#include "kernels/batch_norm/batch_norm.h"

#include <limits>

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

constexpr cudnnBatchNormMode_t training = CUDNN_BATCHNORM_SPATIAL_PERSISTENT, evaluation = CUDNN_BATCHNORM_SPATIAL;

/// cuDNN's variance is the unbiased one, which a single row has not got.
bool supports(const BatchNormDims& d) {
  return d.rows > 1 && d.C > 0 && d.rows <= std::numeric_limits<int>::max() / d.C;
}

template <class T>
struct Layer {
  explicit Layer(const BatchNormDims& d)
      : bytes(static_cast<size_t>(d.rows * d.C) * sizeof(T)),
        map({1, d.C, static_cast<int>(d.rows), 1}),
        channels({1, d.C, 1, 1}) {}
  const size_t bytes;  ///< of the map
  const MapOf<T> map;
  const TensorDescriptor channels;  ///< f32

  /// y = (x - mean) weight / sqrt(var + eps) + bias, over rows as `shape` says.
  void infer(const TensorDescriptor& shape, const void* x, const float* mean, const float* var, const float* weight,
             const float* bias, float eps, void* y, Stream stream) const {
    check("cudnnBatchNormalizationForwardInference",
          cudnnBatchNormalizationForwardInference(cudnn(stream), evaluation, &one, &zero, shape, x, shape, y, channels,
                                                  weight, bias, mean, var, double(eps)));
  }
};

/// `x`, elsewhere where y would overwrite it.
template <class T>
const T* apart(const T* x, const T* y, size_t bytes, Stream stream) {
  if (x != y) return x;
  void* const copy = workspace(bytes, stream);
  runtime->copy(copy, x, bytes, stream);
  return static_cast<const T*>(copy);
}

template <class T>
void forward(const BatchNormDims& d, const T* x, const float* weight, const float* bias, float eps, bool relu,
             float* mean, float* var, T* y, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Layer<T> layer(d);
  x = apart<T>(x, y, layer.bytes, stream);
  // a running average of which this batch is all: what was there counts nothing, unless it is no number
  for (float* const average : {mean, var}) runtime->set_bytes(average, 0, size_t(d.C) * sizeof(float), stream);
  check("cudnnBatchNormalizationForwardTraining",
        cudnnBatchNormalizationForwardTraining(cudnn(stream), training, &one, &zero, layer.map, x, layer.map, y,
                                               layer.channels, weight, bias, 1.0, mean, var, double(eps), nullptr,
                                               nullptr));
  const float biased = static_cast<float>(double(d.rows - 1) / double(d.rows));
  check("cudnnScaleTensor", cudnnScaleTensor(cudnn(stream), layer.channels, var, &biased));
  if (relu) relu_in_place(layer.map, y, stream);
}

template <class T>
void apply(const BatchNormDims& d, const T* x, const float* mean, const float* var, const float* weight,
           const float* bias, float eps, bool relu, T* y, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Layer<T> layer(d);
  layer.infer(layer.map, apart<T>(x, y, layer.bytes, stream), mean, var, weight, bias, eps, y, stream);
  if (relu) relu_in_place(layer.map, y, stream);
}

template <class T>
void backward(const BatchNormDims& d, const T* x, const T* dy, const float* mean, const float* var, const float* weight,
              const float* bias, float eps, bool relu, bool train, T* dx, float* dweight, float* dbias, float*,
              Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Layer<T> layer(d);
  const size_t channels = size_t(d.C), part = (layer.bytes + 255) / 256 * 256;
  char* const work = static_cast<char*>(workspace(2 * part + 3 * channels * sizeof(float), stream));
  T *const z = reinterpret_cast<T*>(work), *const dz = reinterpret_cast<T*>(work + part);
  float *const ones = reinterpret_cast<float*>(work + 2 * part), *const zeros = ones + channels,
               *const rstd = zeros + channels;
  check("cudnnSetTensor", cudnnSetTensor(cudnn(stream), layer.channels, ones, &one));
  runtime->set_bytes(zeros, 0, channels * sizeof(float), stream);
  layer.infer(layer.channels, ones, zeros, var, ones, zeros, eps, rstd, stream);
  if (relu) {
    layer.infer(layer.map, x, mean, var, weight, bias, eps, z, stream);
    relu_gradient(layer.map, z, dy, dz, stream);
    dy = dz;
  } else if (dy == dx) {
    runtime->copy(dz, dy, layer.bytes, stream);
    dy = dz;
  }
  check(
      "cudnnBatchNormalizationBackward",
      cudnnBatchNormalizationBackward(cudnn(stream), training, &one, &zero, &one, &zero, layer.map, x, layer.map, dy,
                                      layer.map, dx, layer.channels, weight, dweight, dbias, double(eps), mean, rstd));
  if (!train) layer.infer(layer.map, dy, zeros, var, weight, zeros, eps, dx, stream);
}

}  // namespace

void add_batch_norm(VendorKernels& k) {
  k.batch_norm_fwd = {forward<float>, supports};
  k.batch_norm_apply = {apply<float>, supports};
  k.batch_norm_bwd = {backward<float>, supports};
  k.batch_norm_fwd_bf16 = {forward<bf16>, supports};
  k.batch_norm_apply_bf16 = {apply<bf16>, supports};
  k.batch_norm_bwd_bf16 = {backward<bf16>, supports};
}

}  // namespace limbic::vendor
