// SPDX-License-Identifier: Apache-2.0
// Arithmetic with broadcasting, functions of one tensor, dropout.
#include <algorithm>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/binary/binary.h"
#include "kernels/cast/cast.h"
#include "kernels/dropout/dropout.h"
#include "kernels/unary/unary.h"

namespace limbic {
namespace {

// ---- two tensors ----

// Strides of x over the axes of y: 0 where x is stretched.
void broadcast_strides(const Shape& x, const Shape& y, int64_t* stride) {
  const size_t missing = y.size() - x.size();
  int64_t step = 1;
  for (size_t i = y.size(); i-- > 0;) {
    const int64_t extent = i < missing ? 1 : x[i - missing];
    stride[i] = extent == 1 ? 0 : step;
    step *= extent;
  }
}

Shape broadcast_shape(const char* name, const Shape& a, const Shape& b) {
  Shape y(std::max(a.size(), b.size()));
  if (y.size() > 6) refuse(name, ": rank ", y.size(), ", at most 6 is served");
  for (size_t i = 0; i < y.size(); ++i) {  // from the last axis
    const int64_t ea = i < a.size() ? a[a.size() - 1 - i] : 1, eb = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (ea != eb && ea != 1 && eb != 1)
      refuse(name, ": a ", a, " and b ", b, " do not broadcast (", ea, " against ", eb, ")");
    y[y.size() - 1 - i] = ea == 1 ? eb : ea;
  }
  return y;
}

Tensor binary(const char* name, Binary kind, const Tensor& left, const Tensor& right) {
  const Tensor a = in_f32(left), b = in_f32(right);
  const Shape shape = broadcast_shape(name, a.shape(), b.shape());
  BinaryDims dims{.kind = kind, .rank = static_cast<int>(shape.size()), .shape = {}, .stride_a = {}, .stride_b = {}};
  std::copy(shape.begin(), shape.end(), dims.shape);
  broadcast_strides(a.shape(), shape, dims.stride_a);
  broadcast_strides(b.shape(), shape, dims.stride_b);

  Tensor y = Tensor::empty(shape);
  launch(binary_fwd_rungs(), {"binary", "fwd"}, a.device(), dims, a.kernel_data(), b.kernel_data(), y.kernel_data());

  const bool linear = kind == Binary::add || kind == Binary::sub;  // their gradients need no inputs
  return record(name, y, {a, b},
                [dims, ga = GradOf(a), gb = GradOf(b), a_shape = a.shape(), b_shape = b.shape(),
                 a = linear ? Tensor() : a.detach(), b = linear ? Tensor() : b.detach()](const Tensor& dy) {
                  const bool a_is_dy = dims.kind == Binary::add || dims.kind == Binary::sub,
                             b_is_dy = dims.kind == Binary::add;
                  const bool pass_a = a_is_dy && a_shape == dy.shape(), pass_b = b_is_dy && b_shape == dy.shape();
                  Tensor da, db;
                  if (ga.wanted() && !pass_a) da = Tensor::empty(a_shape);
                  if (gb.wanted() && !pass_b) db = Tensor::empty(b_shape);
                  if (da || db) {
                    launch(binary_bwd_rungs(), {"binary", "bwd"}, dy.device(), dims,
                           a ? std::as_const(a).kernel_data() : nullptr, b ? std::as_const(b).kernel_data() : nullptr,
                           dy.kernel_data(), da ? da.kernel_data() : nullptr, db ? db.kernel_data() : nullptr);
                  }
                  ga.add(pass_a ? dy : da);
                  gb.add(pass_b ? dy : db);
                });
}

// ---- one tensor ----

enum class Keeps { x, y, nothing };  // what the gradient reads

Tensor unary(const char* name, Unary kind, Keeps keeps, const Tensor& x, float alpha = 0) {
  const UnaryDims dims{.n = x.size(), .kind = kind, .alpha = alpha};
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  by_storage(x, [&]<class T>(StoredAs<T> stored) {
    launch(unary_fwd_rungs(stored), {"unary", "fwd"}, x.device(), dims, x.kernel_as<T>(), y.kernel_as<T>());
  });

  return record(name, y, {x},
                [dims, gx = GradOf(x), x = keeps == Keeps::x ? x.detach() : Tensor(),
                 y = keeps == Keeps::y ? y : Tensor()](Tensor dy) {
                  Tensor dx = writable_like(dy);
                  by_storage(dy, [&]<class T>(StoredAs<T> stored) {
                    launch(unary_bwd_rungs(stored), {"unary", "bwd"}, dy.device(), dims, x ? x.kernel_as<T>() : nullptr,
                           y ? y.kernel_as<T>() : nullptr, std::as_const(dy).kernel_as<T>(), dx.kernel_as<T>());
                  });
                  gx.add(std::move(dx));
                });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return binary("add", Binary::add, a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return binary("sub", Binary::sub, a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return binary("mul", Binary::mul, a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary("div", Binary::div, a, b); }
Tensor maximum(const Tensor& a, const Tensor& b) { return binary("maximum", Binary::max, a, b); }

Tensor relu(const Tensor& x) { return unary("relu", Unary::relu, Keeps::y, x); }
Tensor leaky_relu(const Tensor& x, float slope) { return unary("leaky_relu", Unary::leaky_relu, Keeps::x, x, slope); }
Tensor elu(const Tensor& x, float alpha) { return unary("elu", Unary::elu, Keeps::y, x, alpha); }
Tensor sigmoid(const Tensor& x) { return unary("sigmoid", Unary::sigmoid, Keeps::y, x); }
Tensor tanh(const Tensor& x) { return unary("tanh", Unary::tanh, Keeps::y, x); }
Tensor exp(const Tensor& x) { return unary("exp", Unary::exp, Keeps::y, x); }
Tensor log(const Tensor& x) { return unary("log", Unary::log, Keeps::x, x); }
Tensor sqrt(const Tensor& x) { return unary("sqrt", Unary::sqrt, Keeps::y, x); }
Tensor square(const Tensor& x) { return unary("square", Unary::square, Keeps::x, x); }
Tensor neg(const Tensor& x) { return unary("neg", Unary::neg, Keeps::nothing, x); }
Tensor abs(const Tensor& x) { return unary("abs", Unary::abs, Keeps::x, x); }

Tensor dropout(const Tensor& x, float p, bool training) {
  if (!(p >= 0 && p <= 1)) refuse("dropout: probability ", p, ", expected 0 to 1");
  if (!training || p == 0) return x;
  DropoutDims dims{.n = x.size(), .p = p, .seed = random_state().seed, .stream = next_random_stream()};
  dims.stream_of_step = random_stream_of_step();
  const auto masked = [dims](const Tensor& from, Tensor& to) {
    by_storage(from, [&]<class T>(StoredAs<T> stored) {
      launch(dropout_fwd_rungs(stored), {"dropout", "fwd"}, from.device(), dims, from.kernel_as<T>(),
             to.kernel_as<T>());
    });
  };
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  masked(x, y);

  return record("dropout", y, {x}, [masked, gx = GradOf(x)](Tensor dy) {  // the same mask, drawn again
    Tensor dx = writable_like(dy);
    masked(dy, dx);
    gx.add(std::move(dx));
  });
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  if (x.dtype() == DType::i32 || dtype == DType::i32) {
    refuse("cast: ", dtype_name(x.dtype()), " to ", dtype_name(dtype), ", expected f32 and bf16");
  }
  const CastDims dims{x.size()};
  Tensor y = Tensor::empty(x.shape(), dtype);
  if (dtype == DType::bf16) {
    launch(cast_narrow_rungs(), {"cast", "narrow"}, x.device(), dims, x.kernel_data(), y.kernel_as<bf16>());
  } else {
    launch(cast_widen_rungs(), {"cast", "widen"}, x.device(), dims, x.kernel_as<bf16>(), y.kernel_data());
  }
  return record("cast", y, {x}, [gx = GradOf(x), before = x.dtype()](const Tensor& dy) { gx.add(cast(dy, before)); });
}

}  // namespace limbic
