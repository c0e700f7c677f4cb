// SPDX-License-Identifier: Apache-2.0
// Finds and opens the module, and knows its rungs by their names.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "kernels/vendor/vendor.h"

namespace limbic {
namespace {

struct Module {
  const VendorKernels* kernels = nullptr;
  std::string missing;
};

bool yardsticks_first = false;

constexpr const char* file_name = "liblimbic-vendor.so";

std::string find_module() {
  if (const char* named = std::getenv("LIMBIC_VENDOR"); named && *named) return named;
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& beside : {folder, folder.parent_path(), folder.parent_path() / "lib/limbic"}) {
    if (std::filesystem::exists(beside / file_name, error)) return beside / file_name;
  }
  return "";
}

/// The rung of a list that runs on a GPU by default.
template <class Dims, class Fn>
Fn* on_cuda(std::span<const Rung<Dims, Fn>> rungs) {
  const auto at = std::find_if(rungs.begin(), rungs.end(), [](const auto& r) { return r.device == Device::cuda; });
  return at == rungs.end() ? nullptr : at->run[0];
}

Module open_module() {
  const GpuRuntime* const runtime = gpu_runtime(Device::cuda);
  if (!runtime) return {nullptr, "this build's CUDA kernels run on the emulator only (-DLIMBIC_CUDA=on)"};
  if (const char* const missing = runtime->what_is_missing()) return {nullptr, missing};
  const std::string path = find_module();
  if (path.empty())
    return {nullptr, std::string("no ") + file_name + " beside the program (LIMBIC_VENDOR can name it)"};
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module) return {nullptr, dlerror()};
  const auto get = reinterpret_cast<decltype(&limbic_vendor_kernels)>(dlsym(module, "limbic_vendor_kernels"));
  const VendorCasts casts{on_cuda(cast_narrow_rungs()), on_cuda(cast_widen_rungs())};
  const VendorKernels* const kernels = get ? get(sizeof(VendorKernels), runtime, casts) : nullptr;
  if (!kernels) return {nullptr, path + " belongs to another version of limbic"};
  return {kernels, ""};
}

const Module& the_module() {
  static const Module module = open_module();
  return module;
}

}  // namespace

bool is_yardstick(const char* rung) {
  return std::strncmp(rung, "cudnn", 5) == 0 || std::strncmp(rung, "cublas", 6) == 0;
}
void prefer_yardsticks(bool wanted) { yardsticks_first = wanted; }
bool yardsticks_preferred() { return yardsticks_first; }

const VendorKernels* vendor_kernels() { return the_module().kernels; }

const char* vendor_missing() { return the_module().kernels ? nullptr : the_module().missing.c_str(); }

}  // namespace limbic
