// SPDX-License-Identifier: Apache-2.0
#include "engine/module.h"

#include <utility>

#include "engine/dispatch.h"
#include "engine/tape.h"

namespace limbic {
namespace {

std::string joined(const std::string& parent, const std::string& name) {
  return parent.empty() || name.empty() ? parent + name : parent + "." + name;
}

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  Tensor y = forward(x);
  for (const auto& hook : forward_hooks_) hook(*this, x, y);
  for (const auto& hook : backward_hooks_) {
    y = watch_gradient(y, [this, hook](const Tensor& dy) { hook(*this, dy); });
  }
  return y;
}

void Module::train(bool on) {
  training_ = on;
  for (auto& child : children_) child.module->train(on);
}

std::vector<Module::NamedModule> Module::modules() {
  std::vector<NamedModule> all{{"", this}};
  for (const auto& child : children_) {
    for (const auto& below : child.module->modules()) all.push_back({joined(child.name, below.name), below.module});
  }
  return all;
}

std::vector<NamedTensor> Module::parameters() {
  std::vector<NamedTensor> all;
  for (const auto& [name, module] : modules()) {
    for (const auto& p : module->parameters_) all.push_back({joined(name, p.name), p.tensor, p.layout});
  }
  return all;
}

std::vector<NamedTensor> Module::buffers() {
  std::vector<NamedTensor> all;
  for (const auto& [name, module] : modules()) {
    for (const auto& b : module->buffers_) all.push_back({joined(name, b.name), b.tensor, b.layout});
  }
  return all;
}

std::vector<NamedTensor> Module::state() {
  std::vector<NamedTensor> all;
  for (const auto& [name, module] : modules()) {
    for (const auto* list : {&module->parameters_, &module->buffers_}) {
      for (const auto& t : *list) all.push_back({joined(name, t.name), t.tensor, t.layout});
    }
  }
  return all;
}

int64_t Module::parameter_count() {
  int64_t count = 0;
  for (const auto& p : parameters()) count += p.tensor->size();
  return count;
}

void Module::zero_grad() {
  for (const auto& p : parameters()) p.tensor->zero_grad();
}

void Module::on_forward(ForwardHook hook) { forward_hooks_.push_back(std::move(hook)); }
void Module::on_backward(BackwardHook hook) { backward_hooks_.push_back(std::move(hook)); }

void Module::clear_hooks() {
  forward_hooks_.clear();
  backward_hooks_.clear();
  for (auto& child : children_) child.module->clear_hooks();
}

void Module::add_parameter(std::string name, Tensor& tensor, Layout layout) {
  tensor.set_requires_grad();
  parameters_.push_back({std::move(name), &tensor, layout});
}

void Module::add_buffer(std::string name, Tensor& tensor, Layout layout) {
  buffers_.push_back({std::move(name), &tensor, layout});
}

void Module::add_child(std::string name, Module& child) { children_.push_back({std::move(name), &child}); }

}  // namespace limbic
