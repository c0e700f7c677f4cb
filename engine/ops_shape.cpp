// SPDX-License-Identifier: Apache-2.0
// Shapes: everything is a strided copy, and its gradient is the same copy with source and destination exchanged.
#include <algorithm>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "kernels/copy/copy.h"

namespace limbic {
namespace {

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0; step *= shape[i]) strides[i] = step;
  return strides;
}

CopyDims copy_dims(const char* name, const Shape& box, const std::vector<int64_t>& src,
                   const std::vector<int64_t>& dst) {
  if (box.size() > 6) refuse(name, ": rank ", box.size(), ", at most 6 is served");
  CopyDims dims{};
  dims.rank = static_cast<int>(box.size());
  std::copy(box.begin(), box.end(), dims.shape);
  std::copy(src.begin(), src.end(), dims.src_stride);
  std::copy(dst.begin(), dst.end(), dims.dst_stride);
  return dims;
}

CopyDims reversed(CopyDims dims) {
  std::swap(dims.src_stride, dims.dst_stride);
  std::swap(dims.src_offset, dims.dst_offset);
  return dims;
}

void copy(const CopyDims& dims, const Tensor& src, Tensor& dst) {
  if (src.size() && dst.size())
    by_storage(src, [&]<class T>(StoredAs<T> stored) {
      launch(copy_fwd_rungs(stored), {"copy", "fwd"}, src.device(), dims, src.kernel_as<T>(), dst.kernel_as<T>());
    });
}

int check_axis(const char* name, const Tensor& x, int axis) {
  if (axis < -x.rank() || axis >= x.rank()) refuse(name, ": x ", x.shape(), " has no axis ", axis);
  return axis < 0 ? axis + x.rank() : axis;
}

}  // namespace

Tensor reshape(const Tensor& x, Shape shape) {
  const Shape wanted = shape;
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    *open = 1;
    const int64_t rest = element_count(shape);
    if (rest == 0 || x.size() % rest) refuse("reshape: ", x.shape(), " does not fit into ", wanted);
    *open = x.size() / rest;
  }
  if (element_count(shape) != x.size()) refuse("reshape: ", x.shape(), " does not fit into ", wanted);
  return record("reshape", x.view(std::move(shape)), {x},
                [x_shape = x.shape(), gx = GradOf(x)](const Tensor& dy) { gx.add(dy.view(x_shape)); });
}

Tensor flatten(const Tensor& x) { return reshape(x, {x.dim(0), x.dim(0) ? x.size() / x.dim(0) : 0}); }

Tensor flatten_channels_first(const Tensor& x) {
  std::vector<int> axes{0, x.rank() - 1};
  for (int i = 1; i < x.rank() - 1; ++i) axes.push_back(i);
  if (x.rank() < 2) refuse("flatten_channels_first: x ", x.shape(), ", expected [N,...,C]");
  return flatten(x.rank() == 2 ? x : permute(x, axes));
}

Tensor permute(const Tensor& x, const std::vector<int>& axes) {
  std::vector<bool> seen(static_cast<size_t>(x.rank()));
  Shape shape;
  std::vector<int64_t> from;
  const auto strides = strides_of(x.shape());
  for (int axis : axes) {
    const auto i = static_cast<size_t>(check_axis("permute", x, axis));
    if (seen[i]) refuse("permute: axis ", axis, " of ", x.shape(), " stands twice");
    seen[i] = true;
    shape.push_back(x.shape()[i]);
    from.push_back(strides[i]);
  }
  if (shape.size() != x.shape().size()) refuse("permute: ", axes.size(), " axes for x ", x.shape());
  const CopyDims dims = copy_dims("permute", shape, from, strides_of(shape));
  Tensor y = Tensor::empty(shape, x.dtype());
  copy(dims, x, y);
  return record("permute", y, {x}, [dims, x_shape = x.shape(), gx = GradOf(x)](const Tensor& dy) {
    Tensor dx = Tensor::empty(x_shape, dy.dtype());
    copy(reversed(dims), dy, dx);
    gx.add(std::move(dx));
  });
}

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) refuse("concat: no tensors");
  std::vector<Tensor> parts;
  for (const Tensor& t : tensors) parts.push_back(in_f32(t));
  axis = check_axis("concat", parts[0], axis);
  const auto a = static_cast<size_t>(axis);
  Shape shape = parts[0].shape();
  shape[a] = 0;
  for (const Tensor& part : parts) {
    Shape others = part.shape();
    if (others.size() == shape.size()) others[a] = shape[a];
    if (others != shape) refuse("concat: ", part.shape(), " beside ", parts[0].shape(), " along axis ", axis);
    shape[a] += part.dim(axis);
  }
  const auto strides = strides_of(shape);
  Tensor y = Tensor::empty(shape);
  struct Part {
    CopyDims dims;
    Shape shape;
    GradOf grad;
  };
  std::vector<Part> pieces;
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    CopyDims dims = copy_dims("concat", part.shape(), strides_of(part.shape()), strides);
    dims.dst_offset = begin * strides[a];
    begin += part.dim(axis);
    copy(dims, part, y);
    pieces.push_back({dims, part.shape(), GradOf(part)});
  }
  return record("concat", y, parts, [pieces = std::move(pieces)](const Tensor& dy) {
    for (const Part& piece : pieces) {
      if (!piece.grad.wanted()) continue;
      Tensor dx = Tensor::empty(piece.shape);
      copy(reversed(piece.dims), dy, dx);
      piece.grad.add(std::move(dx));
    }
  });
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  axis = check_axis("slice", x, axis);
  const auto a = static_cast<size_t>(axis);
  const int64_t n = x.shape()[a];
  if (begin < 0) begin += n;
  if (end < 0) end += n;
  if (begin < 0 || end > n || begin > end) refuse("slice: ", begin, " to ", end, " of axis ", axis, " of ", x.shape());
  Shape shape = x.shape();
  shape[a] = end - begin;
  const auto strides = strides_of(x.shape());
  CopyDims dims = copy_dims("slice", shape, strides, strides_of(shape));
  dims.src_offset = begin * strides[a];
  Tensor y = Tensor::empty(shape, x.dtype());
  copy(dims, x, y);
  return record("slice", y, {x}, [dims, x_shape = x.shape(), gx = GradOf(x)](const Tensor& dy) {
    Tensor dx = Tensor::zeros(x_shape, dy.dtype());
    copy(reversed(dims), dy, dx);
    gx.add(std::move(dx));
  });
}

Tensor pad(const Tensor& x, const std::vector<Padding>& axes) {
  if (static_cast<int>(axes.size()) != x.rank()) refuse("pad: ", axes.size(), " paddings for x ", x.shape());
  Shape shape = x.shape();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].before < 0 || axes[i].after < 0) refuse("pad: negative padding of axis ", i);
    shape[i] += axes[i].before + axes[i].after;
  }
  const auto strides = strides_of(shape);
  CopyDims dims = copy_dims("pad", x.shape(), strides_of(x.shape()), strides);
  for (size_t i = 0; i < axes.size(); ++i) dims.dst_offset += axes[i].before * strides[i];
  Tensor y = Tensor::zeros(shape, x.dtype());
  copy(dims, x, y);
  return record("pad", y, {x}, [dims, x_shape = x.shape(), gx = GradOf(x)](const Tensor& dy) {
    Tensor dx = Tensor::empty(x_shape, dy.dtype());
    copy(reversed(dims), dy, dx);
    gx.add(std::move(dx));
  });
}

}  // namespace limbic
