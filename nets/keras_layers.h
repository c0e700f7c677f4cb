// SPDX-License-Identifier: Apache-2.0
// Layers under Keras's names. Keras calls a weight `kernel` and stores it with its outputs last.
#pragma once
#include "engine/layers.h"
#include "engine/random.h"

namespace limbic {

/// kernel [K,R,S,C], x [N,H,W,C]; or kernel [K,S,C], x [N,T,C], without padding.
class KerasConv : public Module {
 public:
  explicit KerasConv(Shape kernel_shape, const Conv2dOptions& o = {})
      : kernel(Tensor::empty(kernel_shape)), bias(Tensor::zeros({kernel_shape[0]})), options(o) {
    add_parameter("kernel", kernel, Layout::keras);
    add_parameter("bias", bias);
    xavier_uniform(kernel);
  }
  Tensor forward(const Tensor& x) override {
    return kernel.rank() == 4 ? conv2d(x, kernel, bias, options) : conv1d(x, kernel, bias);
  }
  Tensor kernel, bias;
  Conv2dOptions options;
};

/// kernel [out,in].
class Dense : public Module {
 public:
  Dense(int in, int out) : kernel(Tensor::empty({out, in})), bias(Tensor::zeros({out})) {
    add_parameter("kernel", kernel, Layout::keras);
    add_parameter("bias", bias);
    xavier_uniform(kernel);
  }
  Tensor forward(const Tensor& x) override { return linear(x, kernel, bias); }
  Tensor kernel, bias;
};

/// keras.layers.BatchNormalization: momentum 0.99, eps 1e-3. Of maps the fused kernel runs, which stores the unbiased
/// variance; of rows [N,C] the plain one, which stores the biased.
class KerasBatchNorm : public Module {
 public:
  explicit KerasBatchNorm(int channels, const BatchNormOptions& o = {.momentum = 0.01f, .eps = 1e-3f})
      : gamma(Tensor::full({channels}, 1)),
        beta(Tensor::zeros({channels})),
        moving_mean(Tensor::zeros({channels})),
        moving_variance(Tensor::full({channels}, 1)),
        options(o) {
    add_parameter("gamma", gamma);
    add_parameter("beta", beta);
    add_buffer("moving_mean", moving_mean);
    add_buffer("moving_variance", moving_variance);
  }
  Tensor forward(const Tensor& x) override {
    options.training = training();
    options.unbiased_running_var = x.rank() == 4;
    return batch_norm(x, gamma, beta, moving_mean, moving_variance, options);
  }
  Tensor gamma, beta, moving_mean, moving_variance;
  BatchNormOptions options;
};

}  // namespace limbic
