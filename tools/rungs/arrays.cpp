// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/arrays.h"

#include <cstdlib>
#include <exception>
#include <new>

#include "kernels/philox.h"

namespace limbic {

Arrays::~Arrays() {
  for (void* const array : arrays_) {
    try {
      runtime_ ? runtime_->release(array, {}) : std::free(array);
    } catch (const std::exception&) {  // of a device on which a launch failed: it has said so before
    }
  }
}

void Arrays::add(size_t bytes, const void* content) {
  bytes_ += bytes;
  if (runtime_) {
    arrays_.push_back(runtime_->allocate(bytes, {}));
    if (content) runtime_->copy(arrays_.back(), content, bytes, {});
    return;
  }
  void* const memory = std::aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (!memory) throw std::bad_alloc();
  arrays_.push_back(memory);
  if (content) std::memcpy(memory, content, bytes);
}

template <class T>
T* Arrays::numbers(int64_t n, float low, float high) {
  return made<T>([=, this] {
    std::vector<T> x(static_cast<size_t>(n));
    for (size_t i = 0; i < x.size(); ++i) {
      const float value = low + (high - low) * philox_uniform(7, next_, i);
      if constexpr (sizeof(T) == sizeof(bf16)) {
        x[i] = narrow(value);
      } else {
        x[i] = value;
      }
    }
    return x;
  });
}
template float* Arrays::numbers<float>(int64_t, float, float);
template bf16* Arrays::numbers<bf16>(int64_t, float, float);

int32_t* Arrays::indices(int64_t n, int64_t below) {
  return made<int32_t>([=, this] {
    std::vector<int32_t> x(static_cast<size_t>(n));
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<int32_t>(philox_uniform(7, next_, i) * static_cast<float>(below));
    }
    return x;
  });
}

}  // namespace limbic
