// SPDX-License-Identifier: Apache-2.0
// A tensor: a shape, shared storage, and (where a gradient is wanted) its place on the tape.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

using Shape = std::vector<int64_t>;
enum class DType { f32, i32, bf16 };  ///< bf16 is only stored: ops compute in f32
const char* dtype_name(DType dtype);  ///< "f32"

int64_t element_count(const Shape& shape);   ///< 1 for the empty shape, a scalar
std::string shape_text(const Shape& shape);  ///< "[2,8,8,3]"

/// Where ops run: cpu at first. Tensors follow: their numbers are copied when an op wants them there, or the host here.
Device compute_device();
/// Throws Error(ExitCode::device) where the build or the machine has no such device. While nothing else runs. Back on
/// the cpu, maps are f32 again.
void set_compute_device(Device device);

/// How maps are stored where ops run: f32 at first. bf16: what convolutions read and write, and what follows them, down
/// to the first op without kernels for it, is stored in bf16, with its gradients; sums, statistics, parameters and
/// their gradients stay f32 (mixed precision: Micikevicius et al. 2018, with Kalamkar et al. 2019's bf16 and no loss
/// scale).
DType map_storage();
/// f32 or bf16; on the cpu bf16 serves inference, and recording a gradient through such a map throws. While nothing
/// else runs.
void set_map_storage(DType dtype);
bool anything_stored_in_bf16();  ///< so far, in this process

class Storage;  // storage.h: one block a side, released with its last tensor
struct Node;    // tape.h: what the tape knows about a tensor

/// A handle with value semantics on shared storage: copies are cheap and see the same numbers. Dense, row-major
/// (maps are NHWC); there are no strided views, so a reshape shares storage and a permute copies.
class Tensor {
 public:
  Tensor();                                                    ///< holds nothing: false in a condition
  static Tensor empty(Shape shape, DType dtype = DType::f32);  ///< uninitialised
  static Tensor zeros(Shape shape, DType dtype = DType::f32);
  static Tensor full(Shape shape, float value);
  static Tensor from(Shape shape, const std::vector<float>& values);  ///< throws where the count does not fit
  static Tensor of_ints(Shape shape, const std::vector<int32_t>& values);
  static Tensor scalar(float value);  ///< shape []

  explicit operator bool() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const;  ///< negative axes count from the end; throws where there is no such axis
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t size() const { return size_; }  ///< elements
  DType dtype() const { return dtype_; }
  Device device() const { return compute_device(); }  ///< where an op on this tensor runs

  /// The numbers, on the host. Non-const access counts as a write: what was prepared from them (packed weights) is
  /// forgotten.
  float* data();
  const float* data() const;
  int32_t* ints();
  const int32_t* ints() const;
  /// The same where ops run, for their kernels: device memory where that is a GPU.
  float* kernel_data();
  const float* kernel_data() const;
  int32_t* kernel_ints();
  const int32_t* kernel_ints() const;
  /// The same for kernels of either type of storage: T is float or bf16.
  template <class T>
  T* kernel_as();
  template <class T>
  const T* kernel_as() const;
  float item() const;                    ///< the only element; throws where there are more
  std::vector<float> to_vector() const;  ///< a copy of the elements (i32 and bf16 converted)

  Tensor detach() const;                 ///< the same numbers, off the tape
  Tensor clone() const;                  ///< a copy of the numbers, off the tape
  Tensor view(Shape shape) const;        ///< the same numbers in another shape, off the tape (`reshape` records)
  void copy_from(const Tensor& source);  ///< overwrites the numbers in place; shapes and types must be equal

  /// True where a gradient will be computed: for leaves that ask for one, and for whatever is computed from them.
  bool requires_grad() const { return node_ != nullptr; }
  Tensor& set_requires_grad(bool wanted = true);  ///< of a leaf (a parameter); on this handle and later copies of it
  Tensor grad() const;                            ///< the gradient that backward() left in a leaf; empty before
  void set_grad(Tensor grad);                     ///< of a leaf, in its shape; empty: forgets it
  void zero_grad() { set_grad({}); }

  const void* id() const { return node_.get(); }  ///< its place on the tape, as TapeStep::id
  Storage& storage() const { return *storage_; }
  bool shares_storage() const { return storage_.use_count() > 1; }  ///< with another tensor

 private:
  friend class GradOf;
  friend struct TapeAccess;             // tape.cpp
  Storage& of_type(DType dtype) const;  // throws where there are no such numbers

  std::shared_ptr<Storage> storage_;
  std::shared_ptr<Node> node_;
  Shape shape_;
  int64_t size_ = 0;
  DType dtype_ = DType::f32;
};

}  // namespace limbic
