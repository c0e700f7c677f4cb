// SPDX-License-Identifier: Apache-2.0
#include "engine/optim.h"

#include <cmath>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "engine/step_graph.h"
#include "kernels/adam/adam.h"
#include "kernels/portable_math.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sum_squares/sum_squares.h"

namespace limbic {
namespace {

std::vector<Tensor> zeros_like(const std::vector<NamedTensor>& parameters) {
  std::vector<Tensor> zeros;
  for (const auto& p : parameters) zeros.push_back(Tensor::zeros(p.tensor->shape()));
  return zeros;
}

void add_state(std::vector<NamedTensor>& state, const std::vector<NamedTensor>& parameters, const char* name,
               std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    state.push_back({parameters[i].name + "." + name, &tensors[i], parameters[i].layout});
  }
}

}  // namespace

void Optimizer::zero_grad() {
  for (const auto& p : parameters_) p.tensor->zero_grad();
}

Sgd::Sgd(std::vector<NamedTensor> parameters, const SgdOptions& o)
    : Optimizer(std::move(parameters)), options(o), step_(Tensor::zeros({}, DType::i32)) {
  lr = o.lr;
  if (o.momentum != 0) velocity_ = zeros_like(parameters_);
}

void Sgd::step() {
  in_each_step([this] { ++*step_.ints(); });
  const auto* of_step = new_in_each_step<SgdRate>([this] { return SgdRate{static_cast<float>(lr), grad_scale}; });
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& w = *parameters_[i].tensor;
    const Tensor g = w.grad();
    if (!g) continue;
    const SgdDims dims{.n = w.size(),
                       .lr = lr,
                       .momentum = options.momentum,
                       .weight_decay = options.weight_decay,
                       .nesterov = options.nesterov,
                       .grad_scale = grad_scale,
                       .of_step = of_step};
    launch(sgd_step_rungs(), {"sgd", "step"}, w.device(), dims, w.kernel_data(), g.kernel_data(),
           velocity_.empty() ? nullptr : velocity_[i].kernel_data());
  }
}

std::vector<NamedTensor> Sgd::state() {
  std::vector<NamedTensor> state{{"step", &step_}};
  add_state(state, parameters_, "momentum_buffer", velocity_);
  return state;
}

Adam::Adam(std::vector<NamedTensor> parameters, const AdamOptions& o)
    : Optimizer(std::move(parameters)), options(o), step_(Tensor::zeros({}, DType::i32)) {
  lr = o.lr;
  m_ = zeros_like(parameters_);
  v_ = zeros_like(parameters_);
  if (o.amsgrad) vmax_ = zeros_like(parameters_);
}

AdamDims Adam::dims(int64_t step) const {
  return {.n = 0,
          .lr = lr,
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .eps = options.eps,
          .weight_decay = options.weight_decay,
          .decoupled = options.decoupled,
          .amsgrad = options.amsgrad,
          .step = step,
          .grad_scale = grad_scale};
}

void Adam::step() {
  std::vector<AdamTensor> tensors;
  in_each_step([this] { ++*step_.ints(); });
  const auto* of_step = new_in_each_step<AdamConstants>([this] { return AdamConstants(dims(*step_.ints())); });
  AdamDims dims = this->dims(of_step ? 1 : *step_.ints());
  dims.of_step = of_step;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& w = *parameters_[i].tensor;
    const Tensor g = w.grad();
    if (!g) continue;
    dims.n += w.size();
    tensors.push_back({w.size(), w.kernel_data(), g.kernel_data(), m_[i].kernel_data(), v_[i].kernel_data(),
                       options.amsgrad ? vmax_[i].kernel_data() : nullptr});
  }
  launch(adam_many_rungs(), {"adam", "many"}, compute_device(), dims, std::as_const(tensors).data(),
         static_cast<int>(tensors.size()));
}

std::vector<NamedTensor> Adam::state() {
  std::vector<NamedTensor> state{{"step", &step_}};
  add_state(state, parameters_, "exp_avg", m_);
  add_state(state, parameters_, "exp_avg_sq", v_);
  add_state(state, parameters_, "max_exp_avg_sq", vmax_);
  return state;
}

// Loshchilov and Hutter 2017 (cosine); linear warm-up as in Goyal et al. 2017.
double Schedule::at(int64_t step) const {
  if (step < warmup) return base * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const int64_t after = step - warmup;
  switch (kind) {
    case Kind::constant:
      return base;
    case Kind::step: {
      double rate = base;
      for (int64_t i = every; every > 0 && i <= after; i += every) rate *= factor;
      return rate;
    }
    case Kind::cosine: {
      const int64_t span = std::max<int64_t>(1, total - warmup);
      const double progress = static_cast<double>(std::min(after, span)) / static_cast<double>(span);
      return floor + (base - floor) * 0.5 * (1 + portable_sincos(progress / 2).cos);
    }
  }
  return base;
}

Schedule::Kind schedule_kind(const std::string& name) {
  if (name == "constant") return Schedule::Kind::constant;
  if (name == "step") return Schedule::Kind::step;
  if (name == "cosine") return Schedule::Kind::cosine;
  refuse("schedule: '", name, "', expected constant, step or cosine");
}

float grad_norm(const std::vector<NamedTensor>& parameters) {
  double squares = 0;
  for (const auto& p : parameters) {
    const Tensor g = p.tensor->grad();
    if (!g) continue;
    Tensor sum = Tensor::empty({});
    launch(sum_squares_fwd_rungs(), {"sum_squares", "fwd"}, g.device(), SumSquaresDims{.n = g.size()}, g.kernel_data(),
           sum.kernel_data());
    squares += sum.item();
  }
  return static_cast<float>(std::sqrt(squares));
}

float clip_grad_norm(const std::vector<NamedTensor>& parameters, float limit) {
  const float norm = grad_norm(parameters);
  const float factor = limit / (norm + 1e-6f);
  if (factor < 1) {
    const NoGrad no_grad;
    for (const auto& p : parameters) {
      if (const Tensor g = p.tensor->grad()) p.tensor->set_grad(g * factor);
    }
  }
  return norm;
}

}  // namespace limbic
