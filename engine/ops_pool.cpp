// SPDX-License-Identifier: Apache-2.0
// Pooling: a 1-D window is a 2-D one of height 1.
#include <utility>
#include <vector>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/pool2d/pool2d.h"

namespace limbic {
namespace {

Tensor pool(const char* name, PoolKind kind, const Tensor& x, Size2 window, const Pool2dOptions& o) {
  const bool flat = x.rank() == 3;
  Pool2dDims d{};
  d.N = extent(name, x.dim(0)), d.H = flat ? 1 : extent(name, x.dim(1));
  d.W = extent(name, x.dim(-2)), d.C = extent(name, x.dim(-1));
  d.R = window.h, d.S = window.w;
  d.stride_h = o.stride.h ? o.stride.h : window.h, d.stride_w = o.stride.w ? o.stride.w : window.w;
  d.pad_h = o.padding.h, d.pad_w = o.padding.w, d.kind = kind, d.count_include_pad = o.count_include_pad;
  if (d.R < 1 || d.S < 1 || d.stride_h < 1 || d.stride_w < 1) refuse(name, ": windows and strides are at least 1");
  const int64_t pads_h = int64_t{2} * d.pad_h, pads_w = int64_t{2} * d.pad_w;
  if (d.pad_h < 0 || d.pad_w < 0 || pads_h > d.R || pads_w > d.S) {
    refuse(name, ": padding ", d.pad_h, "x", d.pad_w, ", expected at most half of the window ", d.R, "x", d.S);
  }
  if (d.H + pads_h < d.R || d.W + pads_w < d.S) {
    refuse(name, ": x ", x.shape(), " is smaller than the window ", d.R, "x", d.S);
  }
  extent(name, d.H + pads_h), extent(name, d.W + pads_w);       // kernels count in ints
  if (kind == PoolKind::max) extent(name, int64_t{d.H} * d.W);  // and note where in a map a maximum was
  const Shape shape = flat ? Shape{d.N, d.Q(), d.C} : Shape{d.N, d.P(), d.Q(), d.C};
  Tensor y = Tensor::empty(shape, x.dtype()), argmax;
  if (kind == PoolKind::max && will_record({x})) argmax = Tensor::empty(shape, DType::i32);
  d.indices = bool(argmax);
  by_storage(x, [&]<class T>(StoredAs<T> stored) {
    launch(pool2d_fwd_rungs(stored), {"pool2d", "fwd"}, x.device(), d, x.kernel_as<T>(), y.kernel_as<T>(),
           argmax ? argmax.kernel_ints() : nullptr);
  });

  return record(name, y, {x}, [d, x_shape = x.shape(), gx = GradOf(x), argmax](const Tensor& dy) {
    Tensor dx = Tensor::empty(x_shape, dy.dtype());
    by_storage(dy, [&]<class T>(StoredAs<T> stored) {
      launch(pool2d_bwd_rungs(stored), {"pool2d", "bwd"}, dy.device(), d, dy.kernel_as<T>(),
             argmax ? argmax.kernel_ints() : nullptr, dx.kernel_as<T>());
    });
    gx.add(std::move(dx));
  });
}

Tensor pool1d(const char* name, PoolKind kind, const Tensor& x, int window, const Pool1dOptions& o) {
  if (x.rank() != 3) refuse(name, ": x ", x.shape(), ", expected [N,T,C]");
  return pool(name, kind, x, {1, window}, {{1, o.stride}, {0, o.padding}, o.count_include_pad});
}

// Means of bins floor(i n / bins) .. ceil((i+1) n / bins) along one axis.
Tensor adaptive_axis(const Tensor& x, int axis, int bins) {
  const int64_t n = x.dim(axis);
  std::vector<Tensor> means;
  for (int64_t i = 0; i < bins; ++i)
    means.push_back(mean(slice(x, axis, i * n / bins, ((i + 1) * n + bins - 1) / bins), {axis}, true));
  return concat(means, axis);
}

}  // namespace

Tensor max_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options) {
  if (x.rank() != 4) refuse("max_pool2d: x ", x.shape(), ", expected [N,H,W,C]");
  return pool("max_pool2d", PoolKind::max, x, window, options);
}

Tensor avg_pool2d(const Tensor& x, Size2 window, const Pool2dOptions& options) {
  if (x.rank() != 4) refuse("avg_pool2d: x ", x.shape(), ", expected [N,H,W,C]");
  return pool("avg_pool2d", PoolKind::avg, x, window, options);
}

Tensor max_pool1d(const Tensor& x, int window, const Pool1dOptions& options) {
  return pool1d("max_pool1d", PoolKind::max, x, window, options);
}

Tensor avg_pool1d(const Tensor& x, int window, const Pool1dOptions& options) {
  return pool1d("avg_pool1d", PoolKind::avg, x, window, options);
}

Tensor global_avg_pool(const Tensor& x) {
  if (x.rank() < 3) refuse("global_avg_pool: x ", x.shape(), ", expected [N,...,C]");
  return mean(reshape(x, {x.dim(0), -1, x.dim(-1)}), {1});
}

Tensor global_max_pool(const Tensor& x) {
  if (x.rank() < 3) refuse("global_max_pool: x ", x.shape(), ", expected [N,...,C]");
  return max(reshape(x, {x.dim(0), -1, x.dim(-1)}), {1});
}

Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output) {
  if (x.rank() != 4) refuse("adaptive_avg_pool2d: x ", x.shape(), ", expected [N,H,W,C]");
  if (output.h < 1 || output.w < 1 || x.size() == 0)
    refuse("adaptive_avg_pool2d: x ", x.shape(), " to ", output.h, "x", output.w);
  if (x.dim(1) == output.h && x.dim(2) == output.w) return x;
  if (x.dim(1) % output.h == 0 && x.dim(2) % output.w == 0) {
    return avg_pool2d(
        x, {extent("adaptive_avg_pool2d", x.dim(1)) / output.h, extent("adaptive_avg_pool2d", x.dim(2)) / output.w});
  }
  return adaptive_axis(adaptive_axis(x, 1, output.h), 2, output.w);
}

}  // namespace limbic
