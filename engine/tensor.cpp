// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor.h"

#include <algorithm>
#include <atomic>
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

const char* dtype_name(DType dtype) {
  constexpr const char* names[] = {"f32", "i32", "bf16"};
  return names[static_cast<int>(dtype)];
}

namespace {

size_t bytes_of(DType dtype, int64_t elements) {
  return static_cast<size_t>(elements) * (dtype == DType::bf16 ? 2 : 4);
}

}  // namespace

Tensor::Tensor() = default;

namespace {
std::atomic<bool> narrow_once{false};
}
bool anything_stored_in_bf16() { return narrow_once; }

Tensor Tensor::empty(Shape shape, DType dtype) {
  if (dtype == DType::bf16) narrow_once = true;
  Tensor t;
  t.size_ = element_count(shape);
  t.shape_ = std::move(shape);
  t.dtype_ = dtype;
  t.storage_ = std::make_shared<Storage>(bytes_of(dtype, t.size_));
  return t;
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor t = empty(std::move(shape), dtype);
  std::memset(t.storage_->on_host(true), 0, bytes_of(dtype, t.size_));
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
  if (!storage_) refuse("tensor: an empty handle read as ", dtype_name(dtype));
  if (dtype_ != dtype) refuse("tensor: ", dtype_name(dtype_), " numbers read as ", dtype_name(dtype));
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

template <class T>
const T* Tensor::kernel_as() const {
  constexpr DType dtype = sizeof(T) == sizeof(bf16) ? DType::bf16 : DType::f32;
  return static_cast<T*>(of_type(dtype).where_ops_run(false));
}

template <class T>
T* Tensor::kernel_as() {
  constexpr DType dtype = sizeof(T) == sizeof(bf16) ? DType::bf16 : DType::f32;
  of_type(dtype).forget_prepared();
  return static_cast<T*>(storage_->where_ops_run(true));
}

template const float* Tensor::kernel_as<float>() const;
template const bf16* Tensor::kernel_as<bf16>() const;
template float* Tensor::kernel_as<float>();
template bf16* Tensor::kernel_as<bf16>();

float Tensor::item() const {
  if (!storage_ || size_ != 1) refuse("tensor: ", shape_, " is not a single number");
  return to_vector()[0];
}

std::vector<float> Tensor::to_vector() const {
  if (dtype_ == DType::i32) return {ints(), ints() + size_};
  if (dtype_ == DType::bf16) {
    const auto* const stored = static_cast<const bf16*>(storage_->on_host(false));
    std::vector<float> values(static_cast<size_t>(size_));
    std::transform(stored, stored + size_, values.begin(), [](bf16 x) { return widen(x); });
    return values;
  }
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
  const size_t bytes = bytes_of(dtype_, size_);
  if (const GpuRuntime* const gpu = gpu_runtime(compute_device())) {
    gpu->copy(to, from, bytes, compute_stream());
  } else {
    std::memcpy(to, from, bytes);
  }
  storage_->forget_prepared();
}

}  // namespace limbic
