// SPDX-License-Identifier: Apache-2.0
// Batch normalisation, alone, as the tail of a convolution and before an average over windows.
#include <utility>

#include "engine/conv_dims.h"
#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/batch_norm_pool/batch_norm_pool.h"
#include "kernels/moving_average/moving_average.h"

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

void update_running(Tensor& running, const Tensor& batch, float momentum, float factor) {
  const MovingAverageDims dims{.n = running.size(), .rate = momentum, .factor = factor};
  launch(moving_average_step_rungs(), {"moving_average", "step"}, running.device(), dims, batch.kernel_data(),
         running.kernel_data());
}

/// What normalises: in training the batch's mean and variance, which train(mean, var) computes where x was not
/// measured, else the running ones; both for apply(mean, var). Updates the running ones.
template <class Train, class Apply>
std::pair<Tensor, Tensor> normalise(const char* op, const MeasuredMap& x, const BatchNormDims& dims,
                                    Tensor& running_mean, Tensor& running_var, const BatchNormOptions& o, bool recorded,
                                    const Train& train, const Apply& apply) {
  if (!o.training) {
    Tensor mean = running_mean.detach(), var = running_var.detach();
    if (recorded) mean = mean.clone(), var = var.clone();  // a later training pass may change them
    apply(std::as_const(mean).kernel_data(), std::as_const(var).kernel_data());
    return {mean, var};
  }
  if (dims.rows < 2 && o.unbiased_running_var)
    refuse(op, ": x ", x.map.shape(), " has one value a channel to train on");
  Tensor mean = x.mean ? x.mean : Tensor::empty({dims.C}), var = x.mean ? x.var : Tensor::empty({dims.C});
  if (x.mean) {
    apply(std::as_const(mean).kernel_data(), std::as_const(var).kernel_data());
  } else {
    train(mean.kernel_data(), var.kernel_data());
  }
  const float n = static_cast<float>(dims.rows);
  update_running(running_mean, mean, o.momentum, 1);
  update_running(running_var, var, o.momentum, o.unbiased_running_var ? n / (n - 1) : 1);
  return {mean, var};
}

}  // namespace

Tensor batch_norm(const MeasuredMap& measured, const Tensor& weight, const Tensor& bias, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& o) {
  const Tensor& x = measured.map;
  const BatchNormDims dims = check_batch_norm(x, weight, bias, running_mean, running_var);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const auto [mean, var] = normalise(
      "batch_norm", measured, dims, running_mean, running_var, o, will_record({x, weight, bias}),
      [&](float* batch_mean, float* batch_var) {
        by_storage(x, [&]<class T>(StoredAs<T> stored) {
          launch(batch_norm_fwd_rungs(stored), {"batch_norm", "fwd"}, x.device(), dims, x.kernel_as<T>(),
                 weight.kernel_data(), bias.kernel_data(), o.eps, o.relu, batch_mean, batch_var, y.kernel_as<T>());
        });
      },
      [&](const float* known_mean, const float* known_var) {
        by_storage(x, [&]<class T>(StoredAs<T> stored) {
          launch(batch_norm_apply_rungs(stored), {"batch_norm", "apply"}, x.device(), dims, x.kernel_as<T>(),
                 known_mean, known_var, weight.kernel_data(), bias.kernel_data(), o.eps, o.relu, y.kernel_as<T>());
        });
      });

  return record("batch_norm", y, {x, weight, bias},
                [dims, o, gx = GradOf(x), gw = GradOf(weight), gb = GradOf(bias), x = x.detach(),
                 weight = weight.detach(), bias = bias.detach(), mean = mean, var = var](Tensor dy) {
                  Tensor dx = writable_like(dy), dw = Tensor::empty({dims.C}), db = Tensor::empty({dims.C});
                  by_storage(x, [&]<class T>(StoredAs<T> stored) {
                    launch(batch_norm_bwd_rungs(stored), {"batch_norm", "bwd"}, dy.device(), dims, x.kernel_as<T>(),
                           std::as_const(dy).kernel_as<T>(), mean.kernel_data(), var.kernel_data(),
                           weight.kernel_data(), bias.kernel_data(), o.eps, o.relu, o.training, dx.kernel_as<T>(),
                           dw.kernel_data(), db.kernel_data());
                  });
                  gw.add(std::move(dw));
                  gb.add(std::move(db));
                  gx.add(std::move(dx));
                });
}

Tensor batch_norm_avg_pool2d(const MeasuredMap& measured, const Tensor& weight, const Tensor& bias,
                             Tensor& running_mean, Tensor& running_var, const BatchNormOptions& o) {
  const Tensor& x = measured.map;
  if (!o.relu) refuse("batch_norm_avg_pool2d: expected with relu");
  if (x.device() == Device::cpu) return avg_pool2d(batch_norm(x, weight, bias, running_mean, running_var, o), 2);
  if (x.rank() != 4 || x.dim(1) < 2 || x.dim(2) < 2) {
    refuse("batch_norm_avg_pool2d: x ", x.shape(), ", expected [N,H,W,C] of at least 2x2");
  }
  const BatchNormDims map = check_batch_norm(x, weight, bias, running_mean, running_var);
  const BatchNormPoolDims d{extent("batch_norm_avg_pool2d", x.dim(0)), extent("batch_norm_avg_pool2d", x.dim(1)),
                            extent("batch_norm_avg_pool2d", x.dim(2)), map.C};
  Tensor y = Tensor::empty({d.N, d.P(), d.Q(), d.C}, x.dtype());
  const auto [mean, var] = normalise(
      "batch_norm_avg_pool2d", measured, map, running_mean, running_var, o, will_record({x, weight, bias}),
      [&](float* batch_mean, float* batch_var) {
        by_storage(x, [&]<class T>(StoredAs<T> stored) {
          launch(batch_norm_pool_fwd_rungs(stored), {"batch_norm_pool", "fwd"}, x.device(), d, x.kernel_as<T>(),
                 weight.kernel_data(), bias.kernel_data(), o.eps, batch_mean, batch_var, y.kernel_as<T>());
        });
      },
      [&](const float* known_mean, const float* known_var) {
        by_storage(x, [&]<class T>(StoredAs<T> stored) {
          launch(batch_norm_pool_apply_rungs(stored), {"batch_norm_pool", "apply"}, x.device(), d, x.kernel_as<T>(),
                 known_mean, known_var, weight.kernel_data(), bias.kernel_data(), o.eps, y.kernel_as<T>());
        });
      });

  return record("batch_norm_avg_pool2d", y, {x, weight, bias},
                [d, o, gx = GradOf(x), gw = GradOf(weight), gb = GradOf(bias), x = x.detach(), weight = weight.detach(),
                 bias = bias.detach(), mean = mean, var = var](const Tensor& dy) {
                  Tensor dx = Tensor::empty(x.shape(), x.dtype()), dw = Tensor::empty({d.C}), db = Tensor::empty({d.C});
                  by_storage(x, [&]<class T>(StoredAs<T> stored) {
                    launch(batch_norm_pool_bwd_rungs(stored), {"batch_norm_pool", "bwd"}, dy.device(), d,
                           x.kernel_as<T>(), dy.kernel_as<T>(), mean.kernel_data(), var.kernel_data(),
                           weight.kernel_data(), bias.kernel_data(), o.eps, o.training, dx.kernel_as<T>(),
                           dw.kernel_data(), db.kernel_data());
                  });
                  gw.add(std::move(dw));
                  gb.add(std::move(db));
                  gx.add(std::move(dx));
                });
}

MeasuredMap batch_norm_conv2d(const MeasuredMap& measured, const Tensor& weight, const Tensor& bias,
                              Tensor& running_mean, Tensor& running_var, const BatchNormOptions& o, const Tensor& w,
                              const Conv2dOptions& options) {
  const Tensor& x = measured.map;
  if (!o.relu) refuse("batch_norm_conv2d: expected with relu");
  if (x.device() == Device::cpu || (o.training && !measured.mean) || x.dtype() != map_storage()) {
    return conv2d_measured(batch_norm(measured, weight, bias, running_mean, running_var, o), w, options);
  }
  check_conv("batch_norm_conv2d", x, w, {}, 4, options.groups);
  const BatchNormDims map = check_batch_norm(x, weight, bias, running_mean, running_var);
  const Conv2dDims d = conv_dims("batch_norm_conv2d", x, w, options);
  const Tensor stored_w = cast(w.detach(), x.dtype());
  MeasuredMap y{Tensor::empty(conv_shape(x, d), x.dtype()), Tensor::empty({d.K}), Tensor::empty({d.K})};
  const auto apply = [&](const float* known_mean, const float* known_var) {
    by_storage(x, [&]<class T>(StoredAs<T> stored) {
      launch(batch_norm_conv2d_fwd_rungs(stored), {"batch_norm_conv2d", "fwd"}, x.device(), d, x.kernel_as<T>(),
             known_mean, known_var, weight.kernel_data(), bias.kernel_data(), o.eps, stored_w.kernel_as<T>(),
             y.map.kernel_as<T>(), y.mean.kernel_data(), y.var.kernel_data());
    });
  };
  const auto [mean, var] = normalise(
      "batch_norm_conv2d", measured, map, running_mean, running_var, o, will_record({x, weight, bias, w}),
      [](float*, float*) {}, apply);

  y.map = record(
      "batch_norm_conv2d", y.map, {x, weight, bias, w},
      [d, o, gx = GradOf(x), g_weight = GradOf(weight), g_bias = GradOf(bias), gw = GradOf(w), x = x.detach(),
       weight = weight.detach(), bias = bias.detach(), w = stored_w, mean = mean, var = var](const Tensor& dy) {
        by_storage(dy, [&]<class T>(StoredAs<T> stored) {
          if (gw.wanted()) {
            Tensor dw = Tensor::empty(w.shape());
            launch(batch_norm_conv2d_dw_rungs(stored), {"batch_norm_conv2d", "dw"}, dy.device(), d, x.kernel_as<T>(),
                   mean.kernel_data(), var.kernel_data(), weight.kernel_data(), bias.kernel_data(), o.eps,
                   dy.kernel_as<T>(), dw.kernel_data());
            gw.add(std::move(dw));
          }
          if (!gx.wanted() && !g_weight.wanted() && !g_bias.wanted()) return;
          Tensor dx = Tensor::empty(x.shape(), x.dtype());
          Tensor dweight = Tensor::empty({d.C}), dbias = Tensor::empty({d.C});
          launch(batch_norm_conv2d_dx_rungs(stored), {"batch_norm_conv2d", "dx"}, dy.device(), d, x.kernel_as<T>(),
                 mean.kernel_data(), var.kernel_data(), weight.kernel_data(), bias.kernel_data(), o.eps,
                 w.kernel_as<T>(), dy.kernel_as<T>(), o.training, dx.kernel_as<T>(), dweight.kernel_data(),
                 dbias.kernel_data());
          g_weight.add(std::move(dweight));
          g_bias.add(std::move(dbias));
          gx.add(std::move(dx));
        });
      });
  return y;
}

}  // namespace limbic
