// SPDX-License-Identifier: Apache-2.0
// What storage and dispatch must know of a step that is being recorded (step_graph.h).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/storage.h"
#include "kernels/gpu_runtime.h"

namespace limbic {

/// Device memory of a recorded step. A block that is given back serves a later one of its size, in the same order in
/// each replay; nothing goes back to the device before the graph and the last tensor are gone.
class StepMemory {
 public:
  explicit StepMemory(Device device) : device_(device) {}
  ~StepMemory();
  StepMemory(const StepMemory&) = delete;
  StepMemory& operator=(const StepMemory&) = delete;
  void* take(size_t bytes);
  void give_back(void* memory, size_t bytes) { free_[bytes].push_back(memory); }

 private:
  Device device_;
  std::vector<void*> all_;
  std::map<size_t, std::vector<void*>> free_;
};

class Recording {
 public:
  explicit Recording(Device device);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  static Recording* current();                     ///< the one under way on this thread; null mostly
  void record(const std::function<void()>& work);  ///< once
  void replay();                                   ///< as StepGraph's

  uint64_t id() const { return id_; }  ///< of no other recording
  uint64_t first_random_step() const { return first_random_step_; }
  Stream stream() const { return stream_; }
  const std::shared_ptr<StepMemory>& memory() const { return memory_; }

  /// Host work, in the order it was given.
  void before_each(std::function<void()> work) { before_.push_back(std::move(work)); }
  /// Device memory, aligned to 16, that holds in each replay what `next` wrote. Throws beyond 64 KiB of them.
  const void* value(size_t bytes, const std::function<void(void*)>& next);
  /// Numbers from outside: their memory stays while the graph lives, and is brought up to date before each replay.
  void reads(const std::shared_ptr<Storage>& storage, const std::shared_ptr<Block>& block);
  /// Numbers that are new on the device after each replay.
  void writes(const std::shared_ptr<Storage>& storage) { written_.push_back(storage); }
  /// Fills `to` with bytes that are known now, in each replay.
  void constant(void* to, const void* host, size_t bytes);

 private:
  Device device_;
  uint64_t id_, first_random_step_ = 0, random_seed_ = 0;
  Stream stream_;
  Graph graph_;
  std::shared_ptr<StepMemory> memory_;
  std::vector<std::shared_ptr<Block>> kept_;
  std::vector<std::weak_ptr<Storage>> read_, written_;
  std::vector<std::function<void()>> before_;
  std::shared_ptr<Block> values_;  // on the device
  std::vector<unsigned char> next_values_;
};

/// Where launches and copies of the engine go.
inline Stream compute_stream() {
  const Recording* const recording = Recording::current();
  return recording ? recording->stream() : Stream{};
}

}  // namespace limbic
