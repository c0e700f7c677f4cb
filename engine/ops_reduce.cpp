// SPDX-License-Identifier: Apache-2.0
// Reductions over axes, softmax, losses.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/bce/bce.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"

namespace limbic {
namespace {

// One run of neighbouring axes: [outer,n,inner] -> [outer,inner], which is given `shape`.
Tensor reduce_run(const char* name, const Tensor& x, const ReduceDims& dims, Shape shape) {
  if (dims.n == 0) refuse(name, ": x ", x.shape(), " has nothing to reduce");
  Tensor y = Tensor::empty(std::move(shape)), argmax;
  if (dims.kind == ReduceKind::max && will_record({x})) {
    extent(name, dims.n);  // where a maximum was is noted in an int
    argmax = Tensor::empty(y.shape(), DType::i32);
  }
  launch(reduce_fwd_rungs(), {"reduce", "fwd"}, x.device(), dims, x.kernel_data(), y.kernel_data(),
         argmax ? argmax.kernel_ints() : nullptr);

  return record(name, y, {x}, [dims, x_shape = x.shape(), gx = GradOf(x), argmax](const Tensor& dy) {
    Tensor dx = Tensor::empty(x_shape);
    launch(reduce_bwd_rungs(), {"reduce", "bwd"}, dy.device(), dims, dy.kernel_data(),
           argmax ? argmax.kernel_ints() : nullptr, dx.kernel_data());
    gx.add(std::move(dx));
  });
}

Tensor reduce(const char* name, ReduceKind kind, const Tensor& x, const std::vector<int>& axes, bool keep) {
  std::set<int> reduced;
  for (int axis : axes) {
    if (axis < -x.rank() || axis >= x.rank()) refuse(name, ": x ", x.shape(), " has no axis ", axis);
    reduced.insert(axis < 0 ? axis + x.rank() : axis);
  }
  if (axes.empty()) {
    for (int i = 0; i < x.rank(); ++i) reduced.insert(i);
  }
  Shape shape = x.shape(), left;  // with 1 for what is reduced so far; without what is reduced
  for (int i = 0; i < x.rank(); ++i) {
    if (!reduced.contains(i)) left.push_back(shape[static_cast<size_t>(i)]);
  }
  Tensor y = in_f32(x);
  while (!reduced.empty()) {  // run after run of neighbouring axes, from the last
    const int last = *reduced.rbegin();
    int first = last;
    while (reduced.contains(first - 1)) --first;
    ReduceDims dims{.outer = 1, .n = 1, .inner = 1, .kind = kind};
    for (int i = 0; i < x.rank(); ++i)
      (i < first ? dims.outer : i <= last ? dims.n : dims.inner) *= shape[static_cast<size_t>(i)];
    std::fill(shape.begin() + first, shape.begin() + last + 1, 1);
    reduced.erase(reduced.find(first), reduced.end());
    y = reduce_run(name, y, dims, reduced.empty() && !keep ? left : shape);
  }
  return y;
}

Tensor softmax_of(const char* name, bool log, const Tensor& x) {
  if (x.rank() < 1 || x.dim(-1) == 0) refuse(name, ": x ", x.shape(), ", expected [...,C]");
  const SoftmaxDims dims{.rows = x.size() / x.dim(-1), .C = extent(name, x.dim(-1)), .log = log};
  Tensor y = Tensor::empty(x.shape());
  launch(softmax_fwd_rungs(), {"softmax", "fwd"}, x.device(), dims, x.kernel_data(), y.kernel_data());

  return record(name, y, {x}, [dims, gx = GradOf(x), y](Tensor dy) {
    Tensor dx = writable_like(dy);
    launch(softmax_bwd_rungs(), {"softmax", "bwd"}, dy.device(), dims, y.kernel_data(), std::as_const(dy).kernel_data(),
           dx.kernel_data());
    gx.add(std::move(dx));
  });
}

// i32 [N] -> f32 [N,C], ones at the labels.
Tensor one_hot(const Tensor& labels, int64_t C) {
  Tensor soft = Tensor::zeros({labels.dim(0), C});
  for (int64_t i = 0; i < labels.dim(0); ++i) {
    const int32_t label = labels.ints()[i];
    if (label < 0 || label >= C) refuse("cross_entropy: label ", label, " of row ", i, ", expected 0 to ", C - 1);
    soft.data()[i * C + label] = 1;
  }
  return soft;
}

}  // namespace

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return reduce("sum", ReduceKind::sum, x, axes, keep);
}
Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return reduce("mean", ReduceKind::mean, x, axes, keep);
}
Tensor max(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return reduce("max", ReduceKind::max, x, axes, keep);
}

std::vector<int32_t> argmax(const Tensor& x) {
  if (x.rank() < 1 || x.dim(-1) == 0) refuse("argmax: x ", x.shape(), ", expected [...,C]");
  const int64_t C = extent("argmax", x.dim(-1)), rows = x.size() / C;
  std::vector<int32_t> best(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x.data() + r * C;
    best[static_cast<size_t>(r)] = static_cast<int32_t>(std::max_element(row, row + C) - row);
  }
  return best;
}

Tensor softmax(const Tensor& x) { return softmax_of("softmax", false, in_f32(x)); }
Tensor log_softmax(const Tensor& x) { return softmax_of("log_softmax", true, in_f32(x)); }

Tensor cross_entropy(const Tensor& scores, const Tensor& targets, const CrossEntropyOptions& o) {
  const Tensor logits = in_f32(scores);
  if (logits.rank() != 2) refuse("cross_entropy: logits ", logits.shape(), ", expected [N,C]");
  const int64_t N = logits.dim(0), C = extent("cross_entropy", logits.dim(1));
  if (logits.size() == 0) refuse("cross_entropy: logits ", logits.shape(), " are empty");
  const bool labels = targets.dtype() == DType::i32;
  if (targets.shape() != (labels ? Shape{N} : logits.shape())) {
    refuse("cross_entropy: targets ", labels ? "i32 " : "f32 ", targets.shape(), " for logits ", logits.shape(),
           ", expected i32 [", N, "] or f32 ", logits.shape());
  }
  if (o.class_weight && o.class_weight.shape() != Shape{C}) {
    refuse("cross_entropy: class_weight ", o.class_weight.shape(), ", expected [", C, "]");
  }
  const Tensor soft = labels ? one_hot(targets, C) : targets.detach(), class_weight = o.class_weight.detach();
  const CrossEntropyDims dims{.rows = N, .C = static_cast<int>(C)};
  Tensor loss = Tensor::empty({N}), weight_sum = Tensor::empty({N});
  launch(cross_entropy_fwd_rungs(), {"cross_entropy", "fwd"}, logits.device(), dims, logits.kernel_data(),
         soft.kernel_data(), class_weight ? class_weight.kernel_data() : nullptr, loss.kernel_data(),
         weight_sum.kernel_data());
  const float divisor = labels && class_weight ? sum(weight_sum).item() : static_cast<float>(N);
  if (divisor == 0) refuse("cross_entropy: the class weights of all labels are 0");
  Tensor y = record("cross_entropy", loss, {logits},
                    [dims, gx = GradOf(logits), logits = logits.detach(), soft, class_weight](const Tensor& dy) {
                      Tensor dx = Tensor::empty(logits.shape());
                      launch(cross_entropy_bwd_rungs(), {"cross_entropy", "bwd"}, dy.device(), dims,
                             logits.kernel_data(), soft.kernel_data(),
                             class_weight ? class_weight.kernel_data() : nullptr, dy.kernel_data(), dx.kernel_data());
                      gx.add(std::move(dx));
                    });
  return sum(y) / divisor;
}

Tensor binary_cross_entropy(const Tensor& chances, const Tensor& targets) {
  const Tensor p = in_f32(chances);
  if (p.shape() != targets.shape()) refuse("binary_cross_entropy: targets ", targets.shape(), " for p ", p.shape());
  const BceDims dims{.n = p.size()};
  Tensor loss = Tensor::empty(p.shape());
  launch(bce_fwd_rungs(), {"bce", "fwd"}, p.device(), dims, p.kernel_data(), targets.kernel_data(), loss.kernel_data());
  return mean(record("binary_cross_entropy", loss, {p},
                     [dims, gp = GradOf(p), p = p.detach(), targets = targets.detach()](const Tensor& dy) {
                       Tensor dp = Tensor::empty(p.shape());
                       launch(bce_bwd_rungs(), {"bce", "bwd"}, dy.device(), dims, p.kernel_data(),
                              targets.kernel_data(), dy.kernel_data(), dp.kernel_data());
                       gp.add(std::move(dp));
                     }));
}

Tensor mse(const Tensor& x, const Tensor& targets) {
  if (x.shape() != targets.shape()) refuse("mse: targets ", targets.shape(), " for x ", x.shape());
  return mean(square(x - targets));
}

Tensor l2(const Tensor& x) { return sum(square(x)); }

}  // namespace limbic
