// SPDX-License-Identifier: Apache-2.0
// What nvcc makes of a rung: registers, spills, shared memory; and how many blocks of it a multiprocessor holds.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace limbic {

struct KernelResources {
  std::string kernel;  ///< kernel_name()
  int registers = 0;   ///< a thread
  int spilled = 0;     ///< bytes a thread stores to and loads from local memory for want of registers
  int shared = 0;      ///< bytes a block, the static arrays
};

/// "conv2d_v4<(ConvPass)0, (Precision)1, 4>" of a mangled kernel, nvcc's or the emulator's (emu::Launch::type).
std::string kernel_name(const std::string& mangled);

/// Where nvcc is: in $CUDA_PATH, /usr/local/cuda, or on the PATH; "": nowhere.
std::string find_nvcc();

/// "13.0".
std::string nvcc_version(const std::string& nvcc);

/// Compiles the file of kernels/ for compute capability 9.0; throws Error(failure) with nvcc's words where it refuses.
std::vector<KernelResources> compile_resources(const std::string& nvcc, const std::string& file);

/// Warps of 64 that a multiprocessor of compute capability 9.0 holds at once (CUDA C++ Programming Guide, "Technical
/// specifications per compute capability"); 0: not even one block.
int resident_warps(const KernelResources& kernel, int threads, size_t dynamic_shared);

}  // namespace limbic
