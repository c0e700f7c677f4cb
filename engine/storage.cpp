// SPDX-License-Identifier: Apache-2.0
#include "engine/storage.h"

#include "engine/tensor.h"
#include "kernels/gpu_runtime.h"
#include "kernels/memory.h"

namespace limbic {
namespace {

Device device = Device::cpu;

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
}

Block::Block(size_t bytes, Device where)
    : data_(where == Device::cpu ? host_allocate(bytes) : gpu_runtime(where)->allocate(bytes, {})),
      bytes_(bytes),
      device_(where) {}

Block::~Block() {
  if (device_ == Device::cpu) {
    host_release(data_, bytes_);
  } else {
    gpu_runtime(device_)->release(data_, {});
  }
}

void Storage::bring_to_host() {
  if (host_ && !host_is_old_) return;
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
  std::lock_guard lock(sides_);
  if (device_) {
    bring_to_host();
  } else if (!host_) {
    host_.emplace(bytes_);
  }
  if (to_write) device_is_old_ = true;
  return host_->data();
}

void* Storage::where_ops_run(bool to_write) {
  if (device == Device::cpu) return on_host(to_write);
  std::lock_guard lock(sides_);
  if (device_ && device_->device() != device) {  // of a device that was chosen before
    bring_to_host();
    device_.reset();
  }
  if (!device_) {
    device_.emplace(bytes_, device);
    device_is_old_ = host_.has_value();
  }
  if (device_is_old_) gpu_runtime(device)->copy(device_->data(), host_->data(), bytes_, {});
  device_is_old_ = false;
  if (to_write) host_is_old_ = true;
  return device_->data();
}

}  // namespace limbic
