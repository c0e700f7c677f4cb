// SPDX-License-Identifier: Apache-2.0
// What a tensor's handles share: its numbers on the host, on the device or on both, and what kernels have prepared from
// them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kernels/rung.h"

namespace limbic {

class StepMemory;  // recording.h

/// A block of memory of a device, or of a recorded step; the host's comes from a pool and goes back to it.
class Block {
 public:
  explicit Block(size_t bytes, Device device = Device::cpu, std::shared_ptr<StepMemory> memory = nullptr);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data_); }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void* data_;
  size_t bytes_;
  Device device_;
  std::shared_ptr<StepMemory> memory_;  // null: of the device itself
};

/// A side is allocated when it is first asked for, and gets what the other wrote last.
class Storage : public std::enable_shared_from_this<Storage> {
 public:
  explicit Storage(size_t bytes);

  void* on_host(bool to_write);
  void* where_ops_run(bool to_write);  ///< on compute_device()
  void device_was_written();           ///< by a recorded step

  // Packed or transformed weights, by the name of what they are prepared for. Valid until the numbers change.
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Block>> prepared;

  void forget_prepared() {
    if (prepared.empty()) return;  // whoever writes does so alone
    std::lock_guard lock(mutex);
    prepared.clear();
  }

 private:
  void bring_to_host();
  void bring_to_device();

  size_t bytes_;
  uint64_t made_in_;  // the recording it was made in; 0: none
  std::optional<Block> host_;
  std::shared_ptr<Block> device_;
  bool host_is_old_ = false, device_is_old_ = false;  // the other side was written since
  std::mutex sides_;
};

}  // namespace limbic
