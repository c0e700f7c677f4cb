// SPDX-License-Identifier: Apache-2.0
// A module: parameters and buffers under their published names, children, and a forward function.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace limbic {

/// How a tensor lies in memory against its published form in files.
enum class Layout {
  plain,          ///< the same
  channels_last,  ///< memory [K,R,S,C], file [K,C,R,S]: the last axis moves to position 1 (any rank)
  keras,          ///< memory [K,R,S,C], file [R,S,C,K]; dense [out,in], file [in,out]: the first axis moves to the end
};

struct NamedTensor {
  std::string name;  ///< dotted, as published: "conv_block1.conv1.weight"
  Tensor* tensor;    ///< lives as long as its module
  Layout layout = Layout::plain;
};

/// Base of layers and nets. Children are members, registered by name in the constructor; so a module stays where it is
/// made. Nets call their children as functions, `conv1(x)`, which runs the hooks.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x);  ///< forward, and the hooks

  void train(bool on = true);  ///< with all children
  void eval() { train(false); }
  bool training() const { return training_; }

  std::vector<NamedTensor> parameters();  ///< in the order of registration, children after own
  std::vector<NamedTensor> buffers();     ///< running statistics: saved, not trained
  std::vector<NamedTensor> state();  ///< both, in PyTorch's state_dict order: parameters then buffers of each module
  int64_t parameter_count();
  void zero_grad();

  /// Every module below (and this one, under the name ""), with its dotted name.
  struct NamedModule {
    std::string name;
    Module* module;
  };
  std::vector<NamedModule> modules();

  using ForwardHook = std::function<void(Module& module, const Tensor& input, const Tensor& output)>;
  using BackwardHook = std::function<void(Module& module, const Tensor& dy)>;  ///< gradient of the module's output
  void on_forward(ForwardHook hook);
  void on_backward(BackwardHook hook);
  void clear_hooks();  ///< with all children
  bool hooked() const { return !forward_hooks_.empty() || !backward_hooks_.empty(); }

 protected:
  /// `tensor` starts to want a gradient. It must be a member, or live as long as this module.
  void add_parameter(std::string name, Tensor& tensor, Layout layout = Layout::plain);
  void add_buffer(std::string name, Tensor& tensor, Layout layout = Layout::plain);
  void add_child(std::string name, Module& child);

 private:
  bool training_ = true;
  std::vector<NamedTensor> parameters_, buffers_;
  std::vector<NamedModule> children_;
  std::vector<ForwardHook> forward_hooks_;
  std::vector<BackwardHook> backward_hooks_;
};

}  // namespace limbic
