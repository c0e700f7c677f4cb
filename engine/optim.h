// SPDX-License-Identifier: Apache-2.0
// Optimisers, learning-rate schedules, gradient clipping.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/module.h"

namespace limbic {

struct AdamDims;

/// Changes parameters by their gradients. Parameters that do not want a gradient (frozen), or got none, are left alone.
class Optimizer {
 public:
  explicit Optimizer(std::vector<NamedTensor> parameters) : parameters_(std::move(parameters)) {}
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  virtual void step() = 0;
  void zero_grad();
  /// What a checkpoint has to keep, by name: "step" (i32 []) and "<parameter>.exp_avg" and so on.
  virtual std::vector<NamedTensor> state() = 0;

  double lr = 0;
  float grad_scale = 1;  ///< gradients are multiplied by it first, e.g. 1 / micro-batches

 protected:
  std::vector<NamedTensor> parameters_;
};

struct SgdOptions {
  double lr = 0.01, momentum = 0, weight_decay = 0;
  bool nesterov = false;
};
/// torch.optim.SGD: g += wd w; v = momentum v + g; w -= lr (nesterov ? g + momentum v : v).
class Sgd : public Optimizer {
 public:
  Sgd(std::vector<NamedTensor> parameters, const SgdOptions& options = {});
  void step() override;
  std::vector<NamedTensor> state() override;
  SgdOptions options;  ///< options.lr is only where `lr` starts

 private:
  Tensor step_;
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;  ///< AdamW: w -= lr wd w, instead of wd in the gradient
  bool amsgrad = false;    ///< torch's: the maximum is taken of the uncorrected v
};
/// torch.optim.Adam and AdamW: w -= lr/(1-beta1^t) m / (sqrt(v or vmax)/sqrt(1-beta2^t) + eps).
class Adam : public Optimizer {
 public:
  Adam(std::vector<NamedTensor> parameters, const AdamOptions& options = {});
  void step() override;
  std::vector<NamedTensor> state() override;
  AdamOptions options;  ///< options.lr is only where `lr` starts

 private:
  AdamDims dims(int64_t step) const;
  Tensor step_;  // i32 []
  std::vector<Tensor> m_, v_, vmax_;
};

/// The learning rate of a step.
struct Schedule {
  enum class Kind { constant, step, cosine };
  Kind kind = Kind::constant;
  double base = 1e-3;
  int64_t total = 0;              ///< cosine: steps until `floor`
  int64_t warmup = 0;             ///< steps of linear growth from 0, before anything else
  double floor = 0;               ///< cosine: where it ends
  int64_t every = 1;              ///< step: after so many steps ...
  double factor = 0.1;            ///< ... times this
  double at(int64_t step) const;  ///< 0-based; the same bits on every machine
};
Schedule::Kind schedule_kind(const std::string& name);  ///< "constant", "step", "cosine"; throws

/// Norm over the gradients of all parameters; the same bits at any thread count.
float grad_norm(const std::vector<NamedTensor>& parameters);

/// Scales the gradients in place so that their norm is at most `limit` (torch.nn.utils.clip_grad_norm_). Returns the
/// norm before.
float clip_grad_norm(const std::vector<NamedTensor>& parameters, float limit);

}  // namespace limbic
