// SPDX-License-Identifier: Apache-2.0
// Memory, streams and clocks of a device that has its own: what the engine and the tests need besides kernels.
#pragma once
#include <cstddef>

#include "kernels/rung.h"

namespace limbic {

/// A mark in a stream: a cudaEvent_t on the device.
struct Event {
  void* handle = nullptr;
};

/// Recorded work that can be launched again and again: a cudaGraphExec_t on the device.
struct Graph {
  void* handle = nullptr;
};

/// One function each; all throw std::runtime_error with the device's own words. The emulator does at once what CUDA
/// queues in the stream.
struct GpuRuntime {
  void* (*allocate)(size_t bytes, Stream);
  void (*release)(void* memory, Stream);
  void (*copy)(void* to, const void* from, size_t bytes, Stream);  ///< either side may be host memory
  void (*set_bytes)(void* memory, int value, size_t bytes, Stream);

  Stream (*create_stream)();
  void (*destroy_stream)(Stream);
  void (*synchronize)(Stream);  ///< waits for all that was queued

  Event (*create_event)();
  void (*destroy_event)(Event);
  void (*record)(Event, Stream);
  void (*wait)(Stream, Event);                  ///< what is queued from now on starts after the event
  float (*milliseconds)(Event from, Event to);  ///< between two events that have happened

  void (*begin_capture)(Stream);  ///< of a stream made for it: what is queued in it from now on is recorded, not run
  Graph (*end_capture)(Stream);   ///< at once runnable; addresses and arguments are those that were recorded
  void (*launch_graph)(Graph, Stream);
  void (*destroy_graph)(Graph);

  int (*compute_capability)();       ///< 90 for 9.0; 0 where there is no device
  int (*shared_bytes_per_block)();   ///< dynamic shared memory that a block can ask for; 0 where there is no device
  const char* (*what_is_missing)();  ///< "no driver", ...; null where kernels can run
};

/// The runtime of Device::emu or Device::cuda; null where this build has not got it. (registry.cpp)
const GpuRuntime* gpu_runtime(Device device);

namespace emu {
extern const GpuRuntime runtime;
}
namespace cuda {
extern const GpuRuntime runtime;
}

}  // namespace limbic

/// Declares a launcher that exists once per device, as limbic::emu::f and limbic::cuda::f.
#define LIMBIC_EACH_DEVICE(...) \
  namespace emu {               \
  __VA_ARGS__                   \
  }                             \
  namespace cuda {              \
  __VA_ARGS__                   \
  }
