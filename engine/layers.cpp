// SPDX-License-Identifier: Apache-2.0
#include "engine/layers.h"

#include <algorithm>
#include <cmath>

#include "engine/dispatch.h"
#include "engine/random.h"
#include "engine/step_graph.h"

namespace limbic {
namespace {

// PyTorch's reset_parameters: kaiming_uniform(a = sqrt(5)) is +-1 / sqrt(fan_in), for the weight and the bias.
void initialise(Tensor& weight, Tensor& bias) {
  const float bound = fan_in(weight) ? 1 / std::sqrt(static_cast<float>(fan_in(weight))) : 0;
  uniform(weight, -bound, bound);
  if (bias) uniform(bias, -bound, bound);
}

int check_groups(const char* name, int in, int groups) {
  if (groups < 1 || in % groups) refuse(name, ": groups ", groups, " do not divide ", in, " channels");
  return in / groups;
}

}  // namespace

Conv2d::Conv2d(int in, int out, Size2 kernel, const Conv2dOptions& o, bool with_bias) : options(o) {
  weight = Tensor::empty({out, kernel.h, kernel.w, check_groups("Conv2d", in, o.groups)});
  if (with_bias) bias = Tensor::empty({out});
  initialise(weight, bias);
  add_parameter("weight", weight, Layout::channels_last);
  if (bias) add_parameter("bias", bias);
}

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight, bias, options); }

Conv1d::Conv1d(int in, int out, int kernel, const Conv1dOptions& o, bool with_bias) : options(o) {
  weight = Tensor::empty({out, kernel, check_groups("Conv1d", in, o.groups)});
  if (with_bias) bias = Tensor::empty({out});
  initialise(weight, bias);
  add_parameter("weight", weight, Layout::channels_last);
  if (bias) add_parameter("bias", bias);
}

Tensor Conv1d::forward(const Tensor& x) { return conv1d(x, weight, bias, options); }

Linear::Linear(int in, int out, bool with_bias) {
  weight = Tensor::empty({out, in});
  if (with_bias) bias = Tensor::empty({out});
  initialise(weight, bias);
  add_parameter("weight", weight);
  if (bias) add_parameter("bias", bias);
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

BatchNorm::BatchNorm(int channels, const BatchNormOptions& o)
    : weight(Tensor::full({channels}, 1)),
      bias(Tensor::zeros({channels})),
      running_mean(Tensor::zeros({channels})),
      running_var(Tensor::full({channels}, 1)),
      num_batches_tracked(Tensor::zeros({}, DType::i32)),
      options(o) {
  add_parameter("weight", weight);
  add_parameter("bias", bias);
  add_buffer("running_mean", running_mean);
  add_buffer("running_var", running_var);
  add_buffer("num_batches_tracked", num_batches_tracked);
}

void BatchNorm::count_batch() {
  options.training = training();
  if (training()) in_each_step([count = num_batches_tracked]() mutable { ++*count.ints(); });
}

Tensor BatchNorm::forward_measured(const MeasuredMap& x) {
  count_batch();
  return batch_norm(x, weight, bias, running_mean, running_var, options);
}

Tensor BatchNorm::forward_pooled(const MeasuredMap& x) {
  count_batch();
  return batch_norm_avg_pool2d(x, weight, bias, running_mean, running_var, options);
}

MeasuredMap BatchNorm::forward_convolved(const MeasuredMap& x, Conv2d& conv) {
  if (conv.bias) refuse("batch_norm_conv2d: the convolution has a bias, expected none");
  count_batch();
  return batch_norm_conv2d(x, weight, bias, running_mean, running_var, options, conv.weight, conv.options);
}

bool fused_on_gpu(std::initializer_list<const Module*> layers) {
  if (compute_device() == Device::cpu || yardsticks_preferred() || forced_kernel("conv2d") ||
      forced_kernel("batch_norm") || forced_kernel("pool2d"))
    return false;
  return std::all_of(layers.begin(), layers.end(), [](const Module* m) { return m->training() && !m->hooked(); });
}

Tensor conv2d_batch_norm(const Tensor& x, Conv2d& conv, BatchNorm& bn) {
  if (!conv.bias && fused_on_gpu({&conv, &bn}))
    return bn.forward_measured(conv2d_measured(x, conv.weight, conv.options));
  if (grad_enabled() || bn.training() || conv.hooked() || bn.hooked()) return bn(conv(x));
  BatchNormOptions options = bn.options;
  options.training = false;
  return conv2d_batch_norm(x, conv.weight, conv.bias, conv.options, bn.weight, bn.bias, bn.running_mean, bn.running_var,
                           options);
}

Tensor conv2d_batch_norm_avg_pool2d(const Tensor& x, Conv2d& conv, BatchNorm& bn) {
  if (!conv.bias && fused_on_gpu({&conv, &bn})) return bn.forward_pooled(conv2d_measured(x, conv.weight, conv.options));
  const bool recorded = grad_enabled() || bn.training();
  const bool chosen =
      yardsticks_preferred() || forced_kernel("batch_norm") || forced_kernel("pool2d");  // by hand: apart
  if (recorded && !bn.hooked() && !chosen) return bn.forward_pooled(conv(x));
  return avg_pool2d(conv2d_batch_norm(x, conv, bn), 2);
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (auto& layer : layers_) y = (*layer)(y);
  return y;
}

}  // namespace limbic
