// SPDX-License-Identifier: Apache-2.0
#include "engine/storage.h"

#include "engine/recording.h"
#include "engine/tensor.h"
#include "kernels/gpu_runtime.h"
#include "kernels/memory.h"

namespace limbic {
namespace {

Device device = Device::cpu;
DType maps = DType::f32;

}  // namespace

Device compute_device() { return device; }

void set_compute_device(Device wanted) {
  if (wanted != Device::cpu) {
    const GpuRuntime* const gpu = gpu_runtime(wanted);
    const char* missing = "kernels for it: this build has none (-DLIMBIC_CUDA=on)";
    if (gpu) missing = gpu->what_is_missing();
    if (missing) throw Error(ExitCode::device, std::string("device ") + device_name(wanted) + ": missing: " + missing);
  }
  device = wanted;
  if (device == Device::cpu) maps = DType::f32;
}

DType map_storage() { return maps; }

void set_map_storage(DType wanted) { maps = wanted; }

Block::Block(size_t bytes, Device where, std::shared_ptr<StepMemory> memory)
    : data_(where == Device::cpu ? host_allocate(bytes)
            : memory             ? memory->take(bytes)
                                 : gpu_runtime(where)->allocate(bytes, {})),
      bytes_(bytes),
      device_(where),
      memory_(std::move(memory)) {}

Block::~Block() {
  if (device_ == Device::cpu) {
    host_release(data_, bytes_);
  } else if (memory_) {
    memory_->give_back(data_, bytes_);
  } else {
    gpu_runtime(device_)->release(data_, {});
  }
}

Storage::Storage(size_t bytes) : bytes_(bytes), made_in_(Recording::current() ? Recording::current()->id() : 0) {}

void Storage::bring_to_host() {
  if (host_ && !host_is_old_) return;
  if (Recording::current()) throw Error(ExitCode::failure, "a recorded step reads its numbers on the host");
  if (!host_) host_.emplace(bytes_);
  const GpuRuntime& gpu = *gpu_runtime(device_->device());
  gpu.copy(host_->data(), device_->data(), bytes_, {});
  gpu.synchronize({});
  host_is_old_ = false;
}

void* Storage::on_host(bool to_write) {
  if (device == Device::cpu && !device_) {
    if (!host_) host_.emplace(bytes_);
    return host_->data();
  }
  const Recording* const recording = Recording::current();
  if (recording && made_in_ != recording->id()) {
    throw Error(ExitCode::failure, "a recorded step uses on the host numbers that are new in each step");
  }
  std::lock_guard lock(sides_);
  if (device_) {
    bring_to_host();
  } else if (!host_) {
    host_.emplace(bytes_);
  }
  if (to_write) device_is_old_ = true;
  return host_->data();
}

void Storage::bring_to_device() {
  Recording* const recording = Recording::current();
  const bool of_recording = recording && made_in_ == recording->id();
  if (!device_) {
    device_ = std::make_shared<Block>(bytes_, device, of_recording ? recording->memory() : nullptr);
    device_is_old_ = host_.has_value();
  }
  if (device_is_old_) {
    if (of_recording) {
      recording->constant(device_->data(), host_->data(), bytes_);
    } else {
      gpu_runtime(device)->copy(device_->data(), host_->data(), bytes_, {});
    }
  }
  device_is_old_ = false;
  if (recording && !of_recording) recording->reads(shared_from_this(), device_);
}

void* Storage::where_ops_run(bool to_write) {
  if (device == Device::cpu) return on_host(to_write);
  std::lock_guard lock(sides_);
  if (device_ && device_->device() != device) {  // of a device that was chosen before
    bring_to_host();
    device_.reset();
  }
  bring_to_device();
  if (to_write) {
    host_is_old_ = true;
    if (Recording* const recording = Recording::current()) recording->writes(shared_from_this());
  }
  return device_->data();
}

void Storage::device_was_written() {
  forget_prepared();
  std::lock_guard lock(sides_);
  host_is_old_ = true;
  device_is_old_ = false;
}

}  // namespace limbic
