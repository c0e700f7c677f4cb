// SPDX-License-Identifier: Apache-2.0
// The arrays that a rung is launched with, in the memory of its device.
#pragma once
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/gpu_runtime.h"

namespace limbic {

/// Arrays in the order in which a launch asks for them: the first launch makes them, the next finds them again.
class Arrays {
 public:
  /// Of the device with `runtime`; null: of the host.
  explicit Arrays(const GpuRuntime* runtime) : runtime_(runtime) {}
  ~Arrays();
  Arrays(const Arrays&) = delete;

  /// Uniform numbers in [low, high), others for each array, the same on every machine; stored as T: float or bf16.
  template <class T = float>
  T* numbers(int64_t n, float low = -1, float high = 1);
  /// Whole numbers in [0, below).
  int32_t* indices(int64_t n, int64_t below);
  /// To be written to; on the emulator all NaN.
  template <class T = float>
  T* space(int64_t n) {
    if (next_ == arrays_.size()) add(static_cast<size_t>(n) * sizeof(T), nullptr);
    return static_cast<T*>(arrays_[next_++]);
  }
  /// A copy of what make() -> std::vector<T> gives.
  template <class T>
  T* made(const std::function<std::vector<T>()>& make) {
    if (next_ == arrays_.size()) {
      const std::vector<T> host = make();
      add(host.size() * sizeof(T), host.data());
    }
    return static_cast<T*>(arrays_[next_++]);
  }

  /// Another launch begins.
  void rewind() { next_ = 0; }
  /// Of all arrays so far.
  size_t bytes() const { return bytes_; }

 private:
  void add(size_t bytes, const void* content);

  const GpuRuntime* runtime_;
  std::vector<void*> arrays_;
  size_t next_ = 0, bytes_ = 0;
};

}  // namespace limbic
