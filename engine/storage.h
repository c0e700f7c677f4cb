// SPDX-License-Identifier: Apache-2.0
// What a tensor's handles share: a block of the pool, and what kernels have prepared from its numbers.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "kernels/memory.h"
#include "kernels/rung.h"

namespace limbic {

/// A block of host memory that goes back to the pool.
class Block {
 public:
  explicit Block(size_t bytes) : data_(host_allocate(bytes)), bytes_(bytes) {}
  ~Block() { host_release(data_, bytes_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

struct Storage {
  explicit Storage(size_t bytes) : block(bytes) {}

  Block block;
  Device device = Device::cpu;

  // Packed or transformed weights, by the name of what they are prepared for. Valid until the numbers change.
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Block>> prepared;

  void forget_prepared() {
    if (prepared.empty()) return;  // whoever writes does so alone
    std::lock_guard lock(mutex);
    prepared.clear();
  }
};

}  // namespace limbic
