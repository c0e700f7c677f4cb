// SPDX-License-Identifier: Apache-2.0
// Batch normalisation, alone and as the tail of a convolution.
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/batch_norm/batch_norm.h"

namespace limbic {
namespace {

BatchNormDims check_batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                               const Tensor& running_var) {
  if (x.rank() < 2) refuse("batch_norm: x ", x.shape(), ", expected [N,...,C]");
  const int C = extent("batch_norm", x.dim(-1));
  const Shape expected{C};
  for (const auto& [name, t] : {std::pair{"weight", &weight},
                                {"bias", &bias},
                                {"running_mean", &running_mean},
                                {"running_var", &running_var}}) {
    if (t->shape() != expected) {
      refuse("batch_norm: x ", x.shape(), " has ", C, " channels, ", name, " is ", t->shape());
    }
  }
  if (x.size() == 0) refuse("batch_norm: x ", x.shape(), " is empty");
  return {.rows = x.size() / C, .C = C};
}

// running = (1 - momentum) running + momentum batch
void update_running(Tensor& running, const Tensor& batch, float momentum, float factor) {
  float* r = running.data();
  const float* b = batch.data();
  for (int64_t c = 0; c < running.size(); ++c) r[c] = (1 - momentum) * r[c] + momentum * (b[c] * factor);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& running_mean, Tensor& running_var,
                  const BatchNormOptions& o) {
  const BatchNormDims dims = check_batch_norm(x, weight, bias, running_mean, running_var);
  Tensor y = Tensor::empty(x.shape()), mean, var;
  if (o.training) {
    if (dims.rows < 2 && o.unbiased_running_var)
      refuse("batch_norm: x ", x.shape(), " has one value a channel to train on");
    mean = Tensor::empty({dims.C}), var = Tensor::empty({dims.C});
    launch(batch_norm_fwd_rungs(), {"batch_norm", "fwd"}, x.device(), dims, x.kernel_data(), weight.kernel_data(),
           bias.kernel_data(), o.eps, o.relu, mean.kernel_data(), var.kernel_data(), y.kernel_data());
    const float n = static_cast<float>(dims.rows);
    update_running(running_mean, mean, o.momentum, 1);
    update_running(running_var, var, o.momentum, o.unbiased_running_var ? n / (n - 1) : 1);
  } else {
    mean = running_mean.detach(), var = running_var.detach();
    if (will_record({x, weight, bias}))
      mean = mean.clone(), var = var.clone();  // a later training pass may change them
    launch(batch_norm_apply_rungs(), {"batch_norm", "apply"}, x.device(), dims, x.kernel_data(),
           std::as_const(mean).kernel_data(), std::as_const(var).kernel_data(), weight.kernel_data(),
           bias.kernel_data(), o.eps, o.relu, y.kernel_data());
  }

  return record("batch_norm", y, {x, weight, bias},
                [dims, o, gx = GradOf(x), gw = GradOf(weight), gb = GradOf(bias), x = x.detach(),
                 weight = weight.detach(), bias = bias.detach(), mean, var](Tensor dy) {
                  Tensor dx = writable_like(dy), dw = Tensor::empty({dims.C}), db = Tensor::empty({dims.C});
                  launch(batch_norm_bwd_rungs(), {"batch_norm", "bwd"}, dy.device(), dims, x.kernel_data(),
                         std::as_const(dy).kernel_data(), mean.kernel_data(), var.kernel_data(), weight.kernel_data(),
                         bias.kernel_data(), o.eps, o.relu, o.training, dx.kernel_data(), dw.kernel_data(),
                         db.kernel_data());
                  gw.add(std::move(dw));
                  gb.add(std::move(db));
                  gx.add(std::move(dx));
                });
}

}  // namespace limbic
