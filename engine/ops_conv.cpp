// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "engine/conv_dims.h"
#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "kernels/reduce/reduce.h"

namespace limbic {
namespace {

void check_bias(const char* name, const Tensor& bias, int64_t K) {
  if (bias && bias.shape() != Shape{K}) refuse(name, ": bias ", bias.shape(), ", expected [", K, "]");
}

}  // namespace

// ---- shapes: a 1-D convolution is a 2-D one of height 1 ----

void check_conv(const char* name, const Tensor& x, const Tensor& w, const Tensor& bias, int rank, int groups) {
  if (x.rank() != rank) refuse(name, ": x ", x.shape(), ", expected ", rank == 4 ? "[N,H,W,C]" : "[N,T,C]");
  if (w.rank() != rank) refuse(name, ": weight ", w.shape(), ", expected ", rank == 4 ? "[K,R,S,C]" : "[K,S,C]");
  const int64_t K = w.dim(0);
  if (groups < 1 || K % groups)
    refuse(name, ": groups ", groups, " do not divide the ", K, " filters of weight ", w.shape());
  if (x.dim(-1) != w.dim(-1) * groups) {
    refuse(name, ": x ", x.shape(), " has ", x.dim(-1), " channels, weight ", w.shape(),
           groups > 1 ? " in " + std::to_string(groups) + " groups" : "", " wants ", w.dim(-1) * groups);
  }
  if (w.size() == 0 || x.size() == 0) refuse(name, ": x ", x.shape(), " or weight ", w.shape(), " is empty");
  check_bias(name, bias, K);
}

Conv2dDims conv_dims(const char* name, const Tensor& x, const Tensor& w, const Conv2dOptions& o) {
  const bool flat = x.rank() == 3;  // [N,T,C]
  Conv2dDims d{};
  d.N = extent(name, x.dim(0)), d.H = flat ? 1 : extent(name, x.dim(1)), d.W = extent(name, x.dim(-2));
  d.C = extent(name, x.dim(-1)), d.K = extent(name, w.dim(0));
  d.R = flat ? 1 : extent(name, w.dim(1)), d.S = extent(name, w.dim(-2));
  d.stride_h = o.stride.h, d.stride_w = o.stride.w, d.pad_h = o.padding.h, d.pad_w = o.padding.w;
  d.dilation_h = o.dilation.h, d.dilation_w = o.dilation.w, d.groups = o.groups;
  if (d.stride_h < 1 || d.stride_w < 1 || d.dilation_h < 1 || d.dilation_w < 1 || d.pad_h < 0 || d.pad_w < 0) {
    refuse(name, ": strides and dilations are at least 1, paddings at least 0");
  }
  const int64_t reach_h = int64_t{d.dilation_h} * (d.R - 1) + 1, reach_w = int64_t{d.dilation_w} * (d.S - 1) + 1;
  if (d.H + int64_t{2} * d.pad_h < reach_h || d.W + int64_t{2} * d.pad_w < reach_w) {
    refuse(name, ": x ", x.shape(), " is smaller than the filter of weight ", w.shape());
  }
  extent(name, d.H + int64_t{2} * d.pad_h), extent(name, d.W + int64_t{2} * d.pad_w);  // kernels count in ints
  extent(name, int64_t{d.R} * d.S * (std::max(d.C, d.K) / d.groups) + 64);  // so too a filter's numbers, in slabs
  return d;
}

Shape conv_shape(const Tensor& x, const Conv2dDims& d) {
  return x.rank() == 3 ? Shape{d.N, d.Q(), d.K} : Shape{d.N, d.P(), d.Q(), d.K};
}

namespace {

// Column sums: dy [rows,K] -> db [K].
Tensor bias_gradient(const Tensor& gradient, int64_t K) {
  const Tensor dy = in_f32(gradient);
  Tensor db = Tensor::empty({K});
  const ReduceDims dims{.outer = 1, .n = dy.size() / K, .inner = K, .kind = ReduceKind::sum};
  launch(reduce_fwd_rungs(), {"reduce", "fwd"}, dy.device(), dims, dy.kernel_data(), db.kernel_data(),
         static_cast<int32_t*>(nullptr));
  return db;
}

// ---- convolution ----

// The weights as `rung` wants them in inference, made once and kept with them until they change. Null: as they are.
template <class T>
std::shared_ptr<Block> prepared_weights(const char* rung, const Conv2dDims& dims, const Tensor& w, StoredAs<T> stored) {
  const size_t floats = conv2d_prepared_size(rung, dims, stored);
  if (!floats || w.dtype() != DType::f32) return nullptr;
  Storage& storage = w.storage();
  std::lock_guard lock(storage.mutex);
  // Storage is shared by tensors of other shapes: the shape of the weights is part of the key. So is what they take:
  // Winograd's tiles, and with them its weights, depend on the map.
  const std::string use = std::string(rung) + " " + isa_name(active_isa()) + " groups" + std::to_string(dims.groups) +
                          " " + shape_text({dims.K, dims.R, dims.S, dims.C}) + " in " + std::to_string(floats) +
                          (sizeof(T) == sizeof(bf16) ? " bf16" : "");
  auto& kept = storage.prepared["conv2d " + use];
  if (!kept) {
    auto block = std::make_shared<Block>(floats * sizeof(float));
    conv2d_prepare(rung, dims, w.data(), block->floats(), stored);
    kept = std::move(block);
  }
  return kept;
}

// y = epilogue(conv(x, w)), stored as x is; `keep` says that w stays as it is for a while.
Tensor conv_forward(const Tensor& x, const Tensor& w, const Conv2dDims& dims, const Conv2dEpilogue& epilogue,
                    bool keep) {
  Tensor y = Tensor::empty(conv_shape(x, dims), x.dtype());
  by_storage(x, [&]<class T>(StoredAs<T> stored) {
    const Pass pass{"conv2d", "fwd"};
    const auto& rung = choose(conv2d_fwd_rungs(stored), pass, x.device(), dims);
    const auto prepared = keep ? prepared_weights(rung.name, dims, w, stored) : nullptr;
    const float* packed = prepared ? prepared->floats() : nullptr;
    size_t scratch = rung.scratch ? rung.scratch(dims) : 0;
    if (prepared) scratch -= conv2d_prepared_size(rung.name, dims, stored);
    const Tensor stored_w = prepared ? Tensor() : cast(w.detach(), x.dtype());
    run_with(scratch, rung, pass, dims, x.kernel_as<T>(), stored_w ? stored_w.kernel_as<T>() : nullptr, packed,
             epilogue, y.kernel_as<T>());
  });
  return y;
}

// y = conv(x, w) with its statistics.
MeasuredMap measured_forward(const Tensor& x, const Tensor& w, const Conv2dDims& dims) {
  MeasuredMap y{Tensor::empty(conv_shape(x, dims), x.dtype()), Tensor::empty({dims.K}), Tensor::empty({dims.K})};
  const float* const none = nullptr;
  by_storage(x, [&]<class T>(StoredAs<T> stored) {
    launch(batch_norm_conv2d_fwd_rungs(stored), {"batch_norm_conv2d", "fwd"}, x.device(), dims, x.kernel_as<T>(), none,
           none, none, none, 0.0f, w.kernel_as<T>(), y.map.kernel_as<T>(), y.mean.kernel_data(), y.var.kernel_data());
  });
  return y;
}

// The weights' gradient is f32 however maps are stored: it goes to w, not to what is made of w for the kernels.
MeasuredMap conv(const char* name, const Tensor& given_x, const Tensor& w, const Tensor& bias,
                 const Conv2dOptions& options, bool measured = false) {
  check_conv(name, given_x, w, bias, given_x.rank() == 3 ? 3 : 4, options.groups);
  const Conv2dDims dims = conv_dims(name, given_x, w, options);
  const bool keep = !measured && !grad_enabled();  // then conv_forward prepares w, or casts it
  const Tensor x = cast(given_x, map_storage()), stored_w = keep ? w.detach() : cast(w.detach(), map_storage());
  MeasuredMap y = measured ? measured_forward(x, stored_w, dims)
                           : conv_forward(x, stored_w, dims, {.shift = bias ? bias.kernel_data() : nullptr}, keep);

  y.map =
      record(name, y.map, {x, w, bias},
             [dims, gx = GradOf(x), gw = GradOf(w), gb = GradOf(bias), x = x.detach(), w = stored_w](const Tensor& dy) {
               if (gb.wanted()) gb.add(bias_gradient(dy, dims.K));
               by_storage(dy, [&]<class T>(StoredAs<T> stored) {
                 if (gw.wanted()) {
                   Tensor dw = Tensor::empty(w.shape());
                   launch(conv2d_dw_rungs(stored), {"conv2d", "dw"}, dy.device(), dims, x.kernel_as<T>(),
                          dy.kernel_as<T>(), dw.kernel_data());
                   gw.add(std::move(dw));
                 }
                 if (gx.wanted()) {
                   Tensor dx = Tensor::empty(x.shape(), x.dtype());
                   launch(conv2d_dx_rungs(stored), {"conv2d", "dx"}, dy.device(), dims, dy.kernel_as<T>(),
                          w.kernel_as<T>(), dx.kernel_as<T>());
                   gx.add(std::move(dx));
                 }
               });
             });
  return y;
}

// ---- matrix product ----

Tensor multiply(const Tensor& a, const Tensor& b, const float* bias, const MatmulDims& dims, Shape shape) {
  Tensor c = Tensor::empty(std::move(shape));
  launch(matmul_fwd_rungs(), {"matmul", "fwd"}, a.device(), dims, a.kernel_data(), b.kernel_data(), bias,
         c.kernel_data());
  return c;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options) {
  if (x.rank() != 4) refuse("conv2d: x ", x.shape(), ", expected [N,H,W,C]");
  return conv("conv2d", x, w, bias, options).map;
}

MeasuredMap conv2d_measured(const Tensor& x, const Tensor& w, const Conv2dOptions& options) {
  if (x.rank() != 4) refuse("conv2d: x ", x.shape(), ", expected [N,H,W,C]");
  return conv("conv2d", x, w, {}, options, x.device() != Device::cpu);
}

Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv1dOptions& o) {
  if (x.rank() != 3) refuse("conv1d: x ", x.shape(), ", expected [N,T,C]");
  return conv("conv1d", x, w, bias, {{1, o.stride}, {0, o.padding}, {1, o.dilation}, o.groups}).map;
}

Tensor conv2d_batch_norm(const Tensor& given_x, const Tensor& w, const Tensor& bias, const Conv2dOptions& conv,
                         const Tensor& bn_weight, const Tensor& bn_bias, const Tensor& running_mean,
                         const Tensor& running_var, const BatchNormOptions& bn) {
  if (grad_enabled() || bn.training) refuse("conv2d_batch_norm: serves inference only, under NoGrad and in eval mode");
  if (bias) {  // the sum with bias is rounded before the normalisation, and the epilogue has no place for that
    Tensor mean = running_mean.detach(), var = running_var.detach();
    return batch_norm(conv2d(given_x, w, bias, conv), bn_weight, bn_bias, mean, var, bn);
  }
  check_conv("conv2d_batch_norm", given_x, w, bias, 4, conv.groups);
  const Conv2dDims dims = conv_dims("conv2d_batch_norm", given_x, w, conv);
  for (const Tensor* t : {&bn_weight, &bn_bias, &running_mean, &running_var}) {
    if (t->shape() != Shape{dims.K})
      refuse("conv2d_batch_norm: batch norm of ", t->shape(), " after ", dims.K, " filters");
  }
  Tensor scale = Tensor::empty({dims.K});
  for (int k = 0; k < dims.K; ++k) {  // as the batch_norm kernels do
    scale.data()[k] = bn_weight.data()[k] / std::sqrt(running_var.data()[k] + bn.eps);
  }
  const Conv2dEpilogue epilogue{.mean = running_mean.kernel_data(),
                                .scale = scale.kernel_data(),
                                .shift = bn_bias.kernel_data(),
                                .relu = bn.relu};
  return conv_forward(cast(given_x, map_storage()), w, dims, epilogue, true);
}

Tensor matmul(const Tensor& left, const Tensor& right, const MatmulOptions& o) {
  const Tensor a = in_f32(left), b = in_f32(right);
  if (a.rank() < 2 || b.rank() < 2) refuse("matmul: a ", a.shape(), " and b ", b.shape(), ", expected matrices");
  const int64_t K = a.dim(o.trans_a ? -2 : -1), K_of_b = b.dim(o.trans_b ? -1 : -2);
  const Shape batch_a(a.shape().begin(), a.shape().end() - 2), batch_b(b.shape().begin(), b.shape().end() - 2);
  if (K != K_of_b) refuse("matmul: a ", a.shape(), " has an inner extent of ", K, ", b ", b.shape(), " wants ", K_of_b);
  if (batch_a != batch_b && !(batch_b.empty() && !o.trans_a)) {
    refuse("matmul: leading axes of a ", a.shape(), " and b ", b.shape(), " differ");
  }
  MatmulDims dims{};
  dims.M = extent("matmul", a.dim(o.trans_a ? -1 : -2)), dims.N = extent("matmul", b.dim(o.trans_b ? -2 : -1));
  dims.K = extent("matmul", K), dims.trans_a = o.trans_a, dims.trans_b = o.trans_b;
  Shape shape = batch_a;
  shape.insert(shape.end(), {dims.M, dims.N});
  const int64_t batch = element_count(batch_a);
  if (batch_b.empty()) {
    dims.M = extent("matmul", dims.M * batch);  // one product with many rows
  } else {
    dims.batch = extent("matmul", batch);
  }
  Tensor y = multiply(a, b, nullptr, dims, shape);

  return record(
      "matmul", y, {a, b}, [dims, ga = GradOf(a), gb = GradOf(b), a = a.detach(), b = b.detach()](const Tensor& dy) {
        const bool ta = dims.trans_a, tb = dims.trans_b;
        if (ga.wanted()) {  // da [M,K] = dy op(b)^T; transposed: op(b) dy^T
          MatmulDims d{.M = dims.M, .N = dims.K, .K = dims.N, .trans_a = false, .trans_b = !tb, .batch = dims.batch};
          if (ta) d = {.M = dims.K, .N = dims.M, .K = dims.N, .trans_a = tb, .trans_b = true, .batch = dims.batch};
          ga.add(ta ? multiply(b, dy, nullptr, d, a.shape()) : multiply(dy, b, nullptr, d, a.shape()));
        }
        if (gb.wanted()) {  // db [K,N] = op(a)^T dy; transposed: dy^T op(a)
          MatmulDims d{.M = dims.K, .N = dims.N, .K = dims.M, .trans_a = !ta, .trans_b = false, .batch = dims.batch};
          if (tb) d = {.M = dims.N, .N = dims.K, .K = dims.M, .trans_a = true, .trans_b = ta, .batch = dims.batch};
          gb.add(tb ? multiply(dy, a, nullptr, d, b.shape()) : multiply(a, dy, nullptr, d, b.shape()));
        }
      });
}

Tensor linear(const Tensor& features, const Tensor& w, const Tensor& b) {
  const Tensor x = in_f32(features);
  if (w.rank() != 2) refuse("linear: weight ", w.shape(), ", expected [K,C]");
  if (x.rank() < 1 || x.dim(-1) != w.dim(1)) {
    refuse("linear: x ", x.shape(), " has ", x.rank() ? x.dim(-1) : 0, " features, weight ", w.shape(), " wants ",
           w.dim(1));
  }
  const int64_t K = w.dim(0), C = w.dim(1);
  check_bias("linear", b, K);
  Shape shape = x.shape();
  shape.back() = K;
  MatmulDims dims{};
  dims.M = extent("linear", C ? x.size() / C : 0), dims.N = extent("linear", K), dims.K = extent("linear", C);
  dims.trans_b = true;
  Tensor y = multiply(x, w, b ? b.kernel_data() : nullptr, dims, shape);

  return record(
      "linear", y, {x, w, b},
      [dims, gx = GradOf(x), gw = GradOf(w), gb = GradOf(b), x = x.detach(), w = w.detach()](const Tensor& dy) {
        const int M = dims.M, N = dims.N, K_in = dims.K;
        if (gb.wanted()) gb.add(bias_gradient(dy, N));
        if (gw.wanted()) {  // dw [K,C] = dy^T x
          gw.add(multiply(dy, x, nullptr, {.M = N, .N = K_in, .K = M, .trans_a = true, .trans_b = false}, w.shape()));
        }
        if (gx.wanted()) {  // dx [...,C] = dy w
          gx.add(multiply(dy, w, nullptr, {.M = M, .N = K_in, .K = N, .trans_a = false, .trans_b = false}, x.shape()));
        }
      });
}

}  // namespace limbic
