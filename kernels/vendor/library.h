// SPDX-License-Identifier: Apache-2.0
// What the rungs of the module share. Unlike other launchers they may allocate, wait and measure on the first call of a
// shape. One call at a time: the libraries' handles and the workspace are shared, which a lock guards.
#pragma once
#include <cublasLt.h>
#include <cudnn.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>

#include "kernels/gpu_runtime.h"
#include "kernels/vendor/vendor.h"

namespace limbic::vendor {

extern const GpuRuntime* runtime;  ///< the program's
extern VendorCasts casts;          ///< the program's too: cuDNN converts no types but within a fused graph

/// Held by every launcher.
extern std::mutex one_at_a_time;

/// Both throw std::runtime_error("cudnn: what: the library's words").
void check(const char* what, cudnnStatus_t status);
void check(const char* what, cublasStatus_t status);

cudnnHandle_t cudnn(Stream);  ///< the handle, its work queued in the stream
cublasLtHandle_t cublas();

/// Memory that keeps its content until the next call.
void* workspace(size_t bytes, Stream);

/// Most that a plan may ask for as workspace.
constexpr int64_t most_workspace = int64_t{2} << 30;

/// The largest power of two, 256 at most, that all addresses are multiples of; null is one of anything.
template <class... Pointers>
int alignment_of(Pointers... pointers) {
  const uintptr_t bits = (uintptr_t{256} | ... | reinterpret_cast<uintptr_t>(pointers));
  return static_cast<int>(bits & -bits);
}

/// Milliseconds of run(): the least of three, after one that warms up.
template <class Run>
float least_ms(const Run& run, Stream stream) {
  static const Event from = runtime->create_event(), to = runtime->create_event();
  run();
  float least = 1e30f;
  for (int turn = 0; turn < 3; ++turn) {
    runtime->record(from, stream);
    run();
    runtime->record(to, stream);
    runtime->synchronize(stream);
    least = std::min(least, runtime->milliseconds(from, to));
  }
  return least;
}

}  // namespace limbic::vendor
