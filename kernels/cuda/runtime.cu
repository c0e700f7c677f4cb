// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "kernels/gpu_runtime.h"

namespace limbic::cuda {
namespace {

void check(const char* what, cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(std::string("cuda: ") + what + ": " + cudaGetErrorString(status));
}

cudaStream_t of(Stream stream) { return static_cast<cudaStream_t>(stream.handle); }
cudaEvent_t of(Event event) { return static_cast<cudaEvent_t>(event.handle); }

void* allocate(size_t bytes, Stream stream) {
  void* memory = nullptr;
  check("allocate", cudaMallocAsync(&memory, bytes ? bytes : 1, of(stream)));
  return memory;
}

Stream create_stream() {
  cudaStream_t stream = nullptr;
  check("create_stream", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return {stream};
}

Event create_event() {
  cudaEvent_t event = nullptr;
  check("create_event", cudaEventCreate(&event));
  return {event};
}

float milliseconds(Event from, Event to) {
  float ms = 0;
  check("milliseconds", cudaEventElapsedTime(&ms, of(from), of(to)));
  return ms;
}

Graph end_capture(Stream stream) {
  cudaGraph_t recorded = nullptr;
  cudaGraphExec_t runnable = nullptr;
  check("end_capture", cudaStreamEndCapture(of(stream), &recorded));
  const cudaError_t status = cudaGraphInstantiate(&runnable, recorded, 0);
  check("end_capture", cudaGraphDestroy(recorded));
  check("end_capture", status);
  return {runnable};
}

cudaGraphExec_t of(Graph graph) { return static_cast<cudaGraphExec_t>(graph.handle); }

int compute_capability() {
  static const int found = [] {
    int device = 0, major = 0, minor = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return 0;
    check("compute_capability", cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    check("compute_capability", cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    return 10 * major + minor;
  }();
  return found;
}

int shared_bytes_per_block() {
  static const int found = [] {
    int device = 0, bytes = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return 0;
    check("shared_bytes_per_block", cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    return bytes;
  }();
  return found;
}

const char* what_is_missing() {
  static const std::string answer = []() -> std::string {
    const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
    int driver = 0, devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "no driver";
    if (status == cudaErrorInsufficientDriver)
      return "a driver for CUDA " + version(CUDART_VERSION) + ", found one for " + version(driver);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0)) return "no device";
    if (status != cudaSuccess) return cudaGetErrorString(status);
    const int found = compute_capability();
    if (found >= 75) return "";
    return "compute capability 7.5 or more, found " + std::to_string(found / 10) + "." + std::to_string(found % 10);
  }();
  return answer.empty() ? nullptr : answer.c_str();
}

}  // namespace

const GpuRuntime runtime{
    .allocate = allocate,
    .release = [](void* memory, Stream s) { check("release", cudaFreeAsync(memory, of(s))); },
    .copy = [](void* to, const void* from, size_t bytes,
               Stream s) { check("copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, of(s))); },
    .set_bytes = [](void* memory, int value, size_t bytes,
                    Stream s) { check("set_bytes", cudaMemsetAsync(memory, value, bytes, of(s))); },
    .create_stream = create_stream,
    .destroy_stream = [](Stream s) { check("destroy_stream", cudaStreamDestroy(of(s))); },
    .synchronize = [](Stream s) { check("synchronize", cudaStreamSynchronize(of(s))); },
    .create_event = create_event,
    .destroy_event = [](Event e) { check("destroy_event", cudaEventDestroy(of(e))); },
    .record = [](Event e, Stream s) { check("record", cudaEventRecord(of(e), of(s))); },
    .wait = [](Stream s, Event e) { check("wait", cudaStreamWaitEvent(of(s), of(e), 0)); },
    .milliseconds = milliseconds,
    // Relaxed: memory may be asked for, and constants copied, in other streams meanwhile.
    .begin_capture =
        [](Stream s) { check("begin_capture", cudaStreamBeginCapture(of(s), cudaStreamCaptureModeRelaxed)); },
    .end_capture = end_capture,
    .launch_graph = [](Graph g, Stream s) { check("launch_graph", cudaGraphLaunch(of(g), of(s))); },
    .destroy_graph = [](Graph g) { check("destroy_graph", cudaGraphExecDestroy(of(g))); },
    .compute_capability = compute_capability,
    .shared_bytes_per_block = shared_bytes_per_block,
    .what_is_missing = what_is_missing,
};

}  // namespace limbic::cuda
