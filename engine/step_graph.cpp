// SPDX-License-Identifier: Apache-2.0
#include "engine/step_graph.h"

#include <exception>
#include <utility>

#include "engine/dispatch.h"
#include "engine/random.h"
#include "engine/recording.h"

namespace limbic {
namespace {

thread_local Recording* under_way = nullptr;
uint64_t recordings = 0;

constexpr size_t value_room = 64 << 10, value_alignment = 16;

}  // namespace

StepMemory::~StepMemory() {
  for (void* memory : all_) gpu_runtime(device_)->release(memory, {});
}

void* StepMemory::take(size_t bytes) {
  auto& free = free_[bytes];
  if (free.empty()) {
    all_.push_back(gpu_runtime(device_)->allocate(bytes, {}));
    return all_.back();
  }
  void* const memory = free.back();
  free.pop_back();
  return memory;
}

Recording::Recording(Device device)
    : device_(device), id_(++recordings), memory_(std::make_shared<StepMemory>(device)) {
  if (device == Device::cpu) throw Error(ExitCode::failure, "a step is recorded on a GPU or the emulator, not the CPU");
  if (under_way) throw Error(ExitCode::failure, "a step is recorded while another is");
  values_ = std::make_shared<Block>(value_room, device);
  stream_ = gpu_runtime(device)->create_stream();
}

Recording::~Recording() {
  if (graph_.handle) gpu_runtime(device_)->destroy_graph(graph_);
  gpu_runtime(device_)->destroy_stream(stream_);
}

Recording* Recording::current() { return under_way; }

void Recording::record(const std::function<void()>& work) {
  const GpuRuntime& gpu = *gpu_runtime(device_);
  first_random_step_ = random_state().step;
  random_seed_ = random_state().seed;
  gpu.begin_capture(stream_);
  under_way = this;
  try {
    work();
  } catch (...) {
    under_way = nullptr;
    try {
      gpu.destroy_graph(gpu.end_capture(stream_));
    } catch (const std::exception&) {  // the first error is the one to tell
    }
    throw;
  }
  under_way = nullptr;
  graph_ = gpu.end_capture(stream_);
  std::erase_if(written_, [](const auto& storage) { return storage.expired(); });
}

void Recording::replay() {
  if (under_way) throw Error(ExitCode::failure, "a step is replayed while one is recorded");
  if (compute_device() != device_) throw Error(ExitCode::failure, "a step is replayed on another device");
  if (random_state().seed != random_seed_) throw Error(ExitCode::failure, "a step is replayed with another seed");
  const GpuRuntime& gpu = *gpu_runtime(device_);
  for (const auto& work : before_) work();
  if (!next_values_.empty()) gpu.copy(values_->data(), next_values_.data(), next_values_.size(), {});
  for (const auto& storage : read_) {
    if (const auto alive = storage.lock()) alive->where_ops_run(false);
  }
  gpu.launch_graph(graph_, {});
  for (const auto& storage : written_) {
    if (const auto alive = storage.lock()) alive->device_was_written();
  }
}

const void* Recording::value(size_t bytes, const std::function<void(void*)>& next) {
  const size_t at = next_values_.size();
  if (at + bytes > value_room) throw Error(ExitCode::failure, "a recorded step has too many numbers that change");
  next_values_.resize((at + bytes + value_alignment - 1) / value_alignment * value_alignment);
  before_.push_back([this, at, next] { next(next_values_.data() + at); });
  return static_cast<const unsigned char*>(values_->data()) + at;
}

void Recording::reads(const std::shared_ptr<Storage>& storage, const std::shared_ptr<Block>& block) {
  for (const auto& known : kept_) {
    if (known == block) return;
  }
  kept_.push_back(block);
  read_.push_back(storage);
}

void Recording::constant(void* to, const void* host, size_t bytes) {
  const GpuRuntime& gpu = *gpu_runtime(device_);
  const auto block = std::make_shared<Block>(bytes, device_);
  gpu.copy(block->data(), host, bytes, {});
  gpu.copy(to, block->data(), bytes, stream_);
  kept_.push_back(block);
}

StepGraph::StepGraph(const std::function<void()>& work) : recording_(std::make_unique<Recording>(compute_device())) {
  recording_->record(work);
}

StepGraph::~StepGraph() = default;

void StepGraph::replay() { recording_->replay(); }

void in_each_step(const std::function<void()>& work) {
  if (Recording* const recording = Recording::current()) return recording->before_each(work);
  work();
}

const void* new_in_each_step(size_t bytes, const std::function<void(void* value)>& next) {
  Recording* const recording = Recording::current();
  return recording ? recording->value(bytes, next) : nullptr;
}

}  // namespace limbic
