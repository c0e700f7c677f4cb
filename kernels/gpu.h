// SPDX-License-Identifier: Apache-2.0
// The one header of a CUDA kernel. The same .cu file is compiled by nvcc into namespace limbic::cuda, and by the host
// compiler into limbic::emu, where kernels/emu runs it thread by thread.
//
//   namespace limbic::LIMBIC_DEVICE {
//   __global__ void add_one(int n, float* x) {
//     const int i = blockIdx.x * blockDim.x + threadIdx.x;
//     if (i < n) x[i] += 1;
//   }
//   void launch_add_one(int n, float* x, Stream stream) {
//     LAUNCH(add_one, (Grid{.blocks = blocks_for(n, 256), .threads = 256, .stream = stream}), n, x);
//   }
//   }
//
// House rules, which the emulator needs and lessons gain by: SHARED(...) and dynamic_shared() instead of __shared__;
// LAUNCH instead of <<<>>>; PTX in ptx.h alone; no thread returns before a barrier that others reach; no float atomics;
// blocks never wait for each other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <typeinfo>

#include "kernels/rung.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>
#define LIMBIC_DEVICE cuda
#else
#include "kernels/emu/emu.h"
#define LIMBIC_DEVICE emu
#endif

namespace limbic::LIMBIC_DEVICE {

struct Grid {
  dim3 blocks, threads;
  size_t shared_bytes = 0;  ///< dynamic shared memory a block
  Stream stream = {};
};

/// Blocks of `threads` that cover n elements, one a thread.
inline unsigned blocks_for(int64_t n, int64_t threads) { return static_cast<unsigned>((n + threads - 1) / threads); }

/// Launches kernel(arguments...) on `grid`; an empty grid launches nothing. Throws where CUDA (or the emulator)
/// refuses. `type` tells instantiations apart (emu::Launch).
template <class... Parameters, class... Arguments>
void launch(const char* name, [[maybe_unused]] const char* type, const char* file, unsigned line,
            void (*kernel)(Parameters...), const Grid& grid, const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "the kernel takes another number of arguments");
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "arguments are copied to the device byte by byte");
  if (!grid.blocks.x || !grid.blocks.y || !grid.blocks.z) return;
#ifdef __CUDACC__
  const auto check = [&](cudaError_t status) {
    if (status == cudaSuccess) return;
    throw std::runtime_error(std::string("cuda: ") + name + " at " + file + ":" + std::to_string(line) + ": " +
                             cudaGetErrorString(status));
  };
  if (grid.shared_bytes > 48 << 10) {
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(grid.shared_bytes)));
  }
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, static_cast<cudaStream_t>(grid.stream.handle)>>>(
      static_cast<Parameters>(arguments)...);
  check(cudaGetLastError());
#else
  const Location at{file, line};
  int number = 0;
  (check_argument<Parameters>(name, ++number, static_cast<Parameters>(arguments), at), ...);
  const Launch how{name, at, grid.blocks, grid.threads, grid.shared_bytes, type};
  const auto start = [how, kernel, arguments...] {
    const auto call = [&] { kernel(static_cast<Parameters>(arguments)...); };
    run(how, [](const void* context) { (*static_cast<const decltype(call)*>(context))(); }, &call);
  };
  if (!recorded(grid.stream, start)) start();
#endif
}

/// LAUNCH(kernel, (Grid{...}), arguments...); a template with commas stands in parentheses.
#ifdef __CUDACC__
#define LAUNCH(kernel, ...) launch(#kernel, "", __FILE__, __LINE__, kernel, __VA_ARGS__)
#else
#define LAUNCH(kernel, ...) launch(#kernel, typeid(Named<kernel>).name(), __FILE__, __LINE__, kernel, __VA_ARGS__)
#endif

// SHARED(tile, float[32][33]); declares a shared array, undefined until written.
#ifdef __CUDACC__
#define SHARED(name, ...) __shared__ __align__(16) std::type_identity_t<__VA_ARGS__> name
#else
#define SHARED(name, ...)                                                                                      \
  static constexpr ::limbic::emu::SharedArray name##_array{#name, #__VA_ARGS__, sizeof(__VA_ARGS__), __FILE__, \
                                                           __LINE__};                                          \
  auto& name = *static_cast<std::type_identity_t<__VA_ARGS__>*>(::limbic::emu::shared_array(name##_array))
#endif

/// The memory that Grid::shared_bytes asked for, at a multiple of 1024 bytes (in the emulator where it asks for one).
template <class T>
__device__ T* dynamic_shared_array() {
#ifdef __CUDACC__
  extern __shared__ __align__(1024) unsigned char limbic_dynamic_shared[];
  return reinterpret_cast<T*>(limbic_dynamic_shared);
#else
  return static_cast<T*>(dynamic_shared());
#endif
}

}  // namespace limbic::LIMBIC_DEVICE
