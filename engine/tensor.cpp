// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/dispatch.h"
#include "engine/recording.h"
#include "engine/storage.h"
#include "kernels/gpu_runtime.h"

namespace limbic {

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) {
    // Sizes in bytes, and sums of a few of them, must fit as well.
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count) || count > INT64_MAX / 16)
      refuse("tensor: shape ", shape, " is not possible");
  }
  return count;
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text += ',';
    text += std::to_string(shape[i]);
  }
  text += ']';
  return text;
}

Tensor::Tensor() = default;

Tensor Tensor::empty(Shape shape, DType dtype) {
  Tensor t;
  t.size_ = element_count(shape);
  t.shape_ = std::move(shape);
  t.dtype_ = dtype;
  t.storage_ = std::make_shared<Storage>(static_cast<size_t>(t.size_) * 4);  // both types have 4 bytes
  return t;
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor t = empty(std::move(shape), dtype);
  std::memset(t.storage_->on_host(true), 0, static_cast<size_t>(t.size_) * 4);
  return t;
}

Tensor Tensor::full(Shape shape, float value) {
  Tensor t = empty(std::move(shape));
  std::fill_n(t.data(), t.size_, value);
  return t;
}

Tensor Tensor::from(Shape shape, const std::vector<float>& values) {
  Tensor t = empty(std::move(shape));
  if (t.size_ != static_cast<int64_t>(values.size())) {
    refuse("tensor: shape ", t.shape_, " has ", t.size_, " elements, got ", values.size(), " values");
  }
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

Tensor Tensor::of_ints(Shape shape, const std::vector<int32_t>& values) {
  Tensor t = empty(std::move(shape), DType::i32);
  if (t.size_ != static_cast<int64_t>(values.size())) {
    refuse("tensor: shape ", t.shape_, " has ", t.size_, " elements, got ", values.size(), " values");
  }
  std::copy(values.begin(), values.end(), t.ints());
  return t;
}

Tensor Tensor::scalar(float value) { return full({}, value); }

int64_t Tensor::dim(int axis) const {
  const int i = axis < 0 ? axis + rank() : axis;
  if (i < 0 || i >= rank()) refuse("tensor: ", shape_, " has no axis ", axis);
  return shape_[static_cast<size_t>(i)];
}

Storage& Tensor::of_type(DType dtype) const {
  if (!storage_ || dtype_ != dtype) {
    refuse("tensor: ",
           !storage_              ? "an empty handle"
           : dtype_ == DType::i32 ? "i32 numbers"
                                  : "f32 numbers",
           " read as ", dtype == DType::i32 ? "i32" : "f32");
  }
  return *storage_;
}

const float* Tensor::data() const { return static_cast<float*>(of_type(DType::f32).on_host(false)); }
const int32_t* Tensor::ints() const { return static_cast<int32_t*>(of_type(DType::i32).on_host(false)); }
const float* Tensor::kernel_data() const { return static_cast<float*>(of_type(DType::f32).where_ops_run(false)); }
const int32_t* Tensor::kernel_ints() const { return static_cast<int32_t*>(of_type(DType::i32).where_ops_run(false)); }

float* Tensor::data() {
  of_type(DType::f32).forget_prepared();
  return static_cast<float*>(storage_->on_host(true));
}

int32_t* Tensor::ints() {
  of_type(DType::i32).forget_prepared();
  return static_cast<int32_t*>(storage_->on_host(true));
}

float* Tensor::kernel_data() {
  of_type(DType::f32).forget_prepared();
  return static_cast<float*>(storage_->where_ops_run(true));
}

int32_t* Tensor::kernel_ints() {
  of_type(DType::i32).forget_prepared();
  return static_cast<int32_t*>(storage_->where_ops_run(true));
}

float Tensor::item() const {
  if (!storage_ || size_ != 1) refuse("tensor: ", shape_, " is not a single number");
  return dtype_ == DType::f32 ? data()[0] : static_cast<float>(ints()[0]);
}

std::vector<float> Tensor::to_vector() const {
  if (dtype_ == DType::i32) return {ints(), ints() + size_};
  return {data(), data() + size_};
}

Tensor Tensor::detach() const {
  Tensor t = *this;
  t.node_ = nullptr;
  return t;
}

Tensor Tensor::clone() const {
  Tensor t = empty(shape_, dtype_);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::view(Shape shape) const {
  if (element_count(shape) != size_) refuse("view: ", shape_, " does not fit into ", shape);
  Tensor t = detach();
  t.shape_ = std::move(shape);
  return t;
}

void Tensor::copy_from(const Tensor& source) {
  if (!storage_ || !source || source.shape_ != shape_ || source.dtype_ != dtype_) {
    refuse("copy_from: source ", source.shape_, " does not fit into ", shape_);
  }
  if (storage_ == source.storage_) return;
  const void* const from = source.storage_->where_ops_run(false);
  void* const to = storage_->where_ops_run(true);
  const size_t bytes = static_cast<size_t>(size_) * 4;
  if (const GpuRuntime* const gpu = gpu_runtime(compute_device())) {
    gpu->copy(to, from, bytes, compute_stream());
  } else {
    std::memcpy(to, from, bytes);
  }
  storage_->forget_prepared();
}

}  // namespace limbic
