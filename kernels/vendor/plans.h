// SPDX-License-Identifier: Apache-2.0
// cuDNN's backend: a graph of operations, the engine configurations that could run it, and plans made of them. The
// attributes are those of cudnn_graph.h; NVIDIA's guide: docs.nvidia.com/deeplearning/cudnn, "Backend descriptor
// types".
#pragma once
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/vendor/library.h"

namespace limbic::vendor {

/// A backend descriptor, destroyed with its owner. What fails throws std::runtime_error.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t kind);
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { return std::swap(raw_, other.raw_), *this; }
  ~Descriptor();

  cudnnBackendDescriptor_t raw() const { return raw_; }

  Descriptor& set(cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t count, const void* values);
  Descriptor& set(cudnnBackendAttributeName_t name, int64_t v) { return set(name, CUDNN_TYPE_INT64, 1, &v); }
  Descriptor& set(cudnnBackendAttributeName_t name, float v) { return set(name, CUDNN_TYPE_FLOAT, 1, &v); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t v) {
    return set(name, CUDNN_TYPE_DATA_TYPE, 1, &v);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& v) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &v.raw_);
  }
  template <size_t n>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::array<int64_t, n>& v) {
    return set(name, CUDNN_TYPE_INT64, n, v.data());
  }
  Descriptor& finalize();
  bool try_finalize();  ///< false: the library has no such thing

  int64_t number(cudnnBackendAttributeName_t) const;

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

/// Whom plans are made for: the device of a handle or, without one, a device that is only described (the JSON of
/// CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION), whose plans cannot run.
class Target {
 public:
  explicit Target(cudnnHandle_t handle) : handle_(handle) {}
  explicit Target(const std::string& description);
  void name_in_graph(Descriptor&) const;
  void name_in_plan(Descriptor&) const;
  /// A heuristic, an engine: they know the device from their graph's handle.
  void name_in(Descriptor&, cudnnBackendAttributeName_t) const;

 private:
  cudnnHandle_t handle_ = nullptr;
  std::optional<Descriptor> device_;
};

/// How numbers may be multiplied: f32 as it is or rounded to TF32, bf16 as it is. Sums are in f32.
enum class Arithmetic { f32, tf32, bf16 };

struct Plan {
  Descriptor config, plan;
  int64_t workspace;

  void run(cudnnHandle_t, const std::array<int64_t, 3>& ids, const std::array<const void*, 3>& at, void* work) const;
};

/// A tensor, the dims and strides in the order n, c, h, w; `is_virtual`: between two operations, never in memory.
Descriptor tensor(int64_t id, cudnnDataType_t, const std::array<int64_t, 4>& dims,
                  const std::array<int64_t, 4>& strides, int alignment, bool is_virtual = false);

/// y = x, in y's type.
Descriptor conversion(const Descriptor& x, const Descriptor& y);

/// The graph of these operations.
Descriptor graph_of(std::initializer_list<const Descriptor*> operations, const Target&);

/// Every configuration whose arithmetic is allowed: those of the heuristics first, best first, then each engine's own.
std::vector<Descriptor> configurations(const Descriptor& graph, const Target&, Arithmetic);

/// The plan of a configuration; none where the engine declines or wants more than most_workspace.
std::optional<Plan> plan_of(Descriptor config, const Target&);

}  // namespace limbic::vendor
