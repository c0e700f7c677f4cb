// SPDX-License-Identifier: Apache-2.0
#include "nets/graph.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "nets/keras_layers.h"

namespace limbic {
namespace {

// Multiply-adds of a layer: every weight takes one at each place (pixel, step, row) of the output.
int64_t layer_macs(Module& module, const Tensor& out) {
  int64_t macs = 0;
  for (const NamedTensor& p : module.parameters()) {
    if (p.tensor->rank() > 1) macs += out.size() / out.dim(-1) * p.tensor->size();
  }
  return macs;
}

bool is_leaf(const std::vector<Module::NamedModule>& modules, const std::string& name) {
  return std::none_of(modules.begin(), modules.end(), [&](const auto& m) { return m.name.starts_with(name + "."); });
}

double norm_of(const Tensor& x) {
  double sum = 0;
  for (float v : x.to_vector()) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

}  // namespace

NetGraph record_graph(Net& net, const Shape& input) {
  struct Passed {
    std::string name;
    Module* module;
    Tensor output;
  };
  std::map<const void*, Passed> leaf_of;        // by the output's place on the tape
  std::map<const void*, std::string> group_of;  // a group's last op
  const auto modules = net.modules();
  net.clear_hooks();
  for (const auto& [name, module] : modules) {
    if (name.empty()) continue;
    const bool leaf = is_leaf(modules, name);
    module->on_forward([&, name = name, leaf](Module& m, const Tensor& in, const Tensor& out) {
      if (out.id() == in.id()) return;  // dropout outside training
      if (leaf)
        leaf_of.try_emplace(out.id(), Passed{name, &m, out.detach()});
      else
        group_of[out.id()] = name;
    });
  }
  const bool training = net.training();
  net.eval();
  const Tensor logits = net(Tensor::zeros(input));
  net.clear_hooks();
  net.train(training);

  NetGraph graph{.title = net.name, .input = input, .rows = {}, .parameters = net.parameter_count()};
  for (const TapeStep& step : tape_of(sum(logits))) {
    if (step.op == "leaf") continue;
    GraphRow row{.name = "", .op = step.op, .group = "", .output = step.shape};
    if (const auto it = leaf_of.find(step.id); it != leaf_of.end()) {
      row.name = it->second.name;
      row.parameters = it->second.module->parameter_count();
      row.macs = layer_macs(*it->second.module, it->second.output);
      const auto* bn = dynamic_cast<const BatchNorm*>(it->second.module);
      const auto* keras_bn = dynamic_cast<const KerasBatchNorm*>(it->second.module);
      if ((bn && bn->options.relu) || (keras_bn && keras_bn->options.relu)) row.op += " + relu";
      const size_t dot = row.name.rfind('.');
      if (dot != std::string::npos) row.group = row.name.substr(0, dot);
    }
    if (const auto it = group_of.find(step.id); it != group_of.end()) row.group = it->second;
    graph.macs += row.macs;
    graph.rows.push_back(std::move(row));
  }
  if (!graph.rows.empty()) graph.rows.pop_back();  // the sum that closed the tape
  return graph;
}

TapeGraph record_tape(Net& net, const Shape& input) {
  set_random_step(1, 1);
  Tensor x = Tensor::empty(input);
  normal(x, 0, 1);
  const bool training = net.training();
  net.train();
  net.zero_grad();
  const Tensor logits = net(x);
  const Tensor loss = cross_entropy(logits, Tensor::zeros({logits.dim(0)}, DType::i32));

  std::map<const void*, std::string> names;
  for (const NamedTensor& p : net.parameters()) names[p.tensor->id()] = p.name;
  TapeGraph graph{.title = net.name, .loss = loss.item(), .rows = {}};
  for (const TapeStep& step : tape_of(loss)) {
    TapeRow row{.op = step.op, .name = "", .shape = step.shape, .inputs = step.inputs};
    if (const auto it = names.find(step.id); it != names.end()) row.name = it->second;
    graph.rows.push_back(std::move(row));
  }
  backward(loss, [&](int step, const Tensor& dy) { graph.rows[step].gradient_norm = norm_of(dy); });
  std::map<std::string, double> gradient;
  for (const NamedTensor& p : net.parameters()) {
    if (const Tensor g = p.tensor->grad()) gradient[p.name] = norm_of(g);
  }
  for (TapeRow& row : graph.rows) {
    if (!row.name.empty()) row.gradient_norm = gradient[row.name];
  }
  net.zero_grad();
  net.train(training);
  return graph;
}

}  // namespace limbic
