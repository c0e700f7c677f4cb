// SPDX-License-Identifier: Apache-2.0
// The layers: modules of one op. They are initialised as PyTorch does (kaiming uniform, a = sqrt(5)) from the random
// state; nets that were published with another initialisation overwrite it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/module.h"
#include "engine/ops.h"

namespace limbic {

/// x [N,H,W,in] -> [N,P,Q,out]. weight [out,R,S,in/groups], bias [out].
class Conv2d : public Module {
 public:
  Conv2d(int in, int out, Size2 kernel, const Conv2dOptions& options = {}, bool bias = true);
  Tensor forward(const Tensor& x) override;
  Tensor weight, bias;  ///< bias is empty where there is none
  Conv2dOptions options;
};

/// x [N,T,in] -> [N,Q,out]. weight [out,S,in/groups], bias [out].
class Conv1d : public Module {
 public:
  Conv1d(int in, int out, int kernel, const Conv1dOptions& options = {}, bool bias = true);
  Tensor forward(const Tensor& x) override;
  Tensor weight, bias;
  Conv1dOptions options;
};

/// x [...,in] -> [...,out]. weight [out,in], bias [out].
class Linear : public Module {
 public:
  Linear(int in, int out, bool bias = true);
  Tensor forward(const Tensor& x) override;
  Tensor weight, bias;
};

/// Over the last axis, of any rank: x [...,C]. weight, bias, running_mean, running_var [C], num_batches_tracked i32 [].
class BatchNorm : public Module {
 public:
  explicit BatchNorm(int channels, const BatchNormOptions& options = {});  ///< options.training is the module's own
  Tensor forward(const Tensor& x) override { return forward_measured(x); }
  Tensor forward_measured(const MeasuredMap& x);
  Tensor forward_pooled(const MeasuredMap& x);  ///< avg_pool2d(forward(x), 2), as one op
  /// conv(forward(x)), as one op. Throws where conv has a bias.
  MeasuredMap forward_convolved(const MeasuredMap& x, Conv2d& conv);
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;
  BatchNormOptions options;

 private:
  void count_batch();
};

/// bn(conv(x)): in one kernel under NoGrad in eval mode where nobody hooks either, with the same bits (in bf16 one
/// rounding fewer); in training the convolution leaves the statistics behind where it can. A relu between them and the
/// next layer is BatchNormOptions::relu.
Tensor conv2d_batch_norm(const Tensor& x, Conv2d& conv, BatchNorm& bn);

/// avg_pool2d(bn(conv(x)), 2), where bn has its ReLU: as above, or batch norm and average are one op where nobody hooks
/// bn; on the CPU with the same bits.
Tensor conv2d_batch_norm_avg_pool2d(const Tensor& x, Conv2d& conv, BatchNorm& bn);

/// Can `layers`, convolutions and batch norms, be run as the ops above, measured and normalised on the way: is this
/// training on a GPU, does nobody hook one of them, or force a kernel of theirs by name?
bool fused_on_gpu(std::initializer_list<const Module*> layers);

class Dropout : public Module {
 public:
  explicit Dropout(float probability) : p(probability) {}
  Tensor forward(const Tensor& x) override { return dropout(x, p, training()); }
  float p;
};

/// Any function as a layer: Function(relu), Function([](const Tensor& x) { return max_pool2d(x, 2); }).
class Function : public Module {
 public:
  explicit Function(std::function<Tensor(const Tensor&)> f) : f_(std::move(f)) {}
  Tensor forward(const Tensor& x) override { return f_(x); }

 private:
  std::function<Tensor(const Tensor&)> f_;
};

class Relu : public Module {
 public:
  Tensor forward(const Tensor& x) override { return relu(x); }
};

/// Layers one after another, named "0", "1", ... as torch.nn.Sequential: net.add<Linear>(2, 16).
class Sequential : public Module {
 public:
  template <class Layer, class... Args>
  Layer& add(Args&&... args) {
    auto layer = std::make_unique<Layer>(std::forward<Args>(args)...);
    Layer& added = *layer;
    add_child(std::to_string(layers_.size()), added);
    layers_.push_back(std::move(layer));
    return added;
  }
  Tensor forward(const Tensor& x) override;
  size_t size() const { return layers_.size(); }
  Module& operator[](size_t i) { return *layers_[i]; }

 private:
  std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace limbic
