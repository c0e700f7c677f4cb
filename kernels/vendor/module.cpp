// SPDX-License-Identifier: Apache-2.0
#include "kernels/vendor/library.h"
#include "kernels/vendor/rungs.h"

namespace limbic::vendor {

const GpuRuntime* runtime = nullptr;
VendorCasts casts = {};
std::mutex one_at_a_time;

void check(const char* what, cudnnStatus_t status) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char words[512] = "";
  cudnnGetLastErrorString(words, sizeof words);
  throw std::runtime_error(std::string("cudnn: ") + what + ": " + cudnnGetErrorString(status) + (*words ? ": " : "") +
                           words);
}

void check(const char* what, cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string("cublas: ") + what + ": " + cublasLtGetStatusString(status));
}

cudnnHandle_t cudnn(Stream stream) {
  static const cudnnHandle_t handle = [] {
    cudnnHandle_t made = nullptr;
    check("cudnnCreate", cudnnCreate(&made));
    return made;
  }();
  check("cudnnSetStream", cudnnSetStream(handle, static_cast<cudaStream_t>(stream.handle)));
  return handle;
}

cublasLtHandle_t cublas() {
  static const cublasLtHandle_t handle = [] {
    cublasLtHandle_t made = nullptr;
    check("cublasLtCreate", cublasLtCreate(&made));
    return made;
  }();
  return handle;
}

void* workspace(size_t bytes, Stream stream) {
  static void* memory = nullptr;
  static size_t size = 0;
  if (bytes > size) {
    runtime->synchronize(stream);
    if (memory) runtime->release(memory, stream);
    memory = nullptr, size = 0;
    memory = runtime->allocate(bytes, stream);
    size = bytes;
  }
  return memory;
}

namespace {

std::string versions() {
  const size_t dnn = cudnnGetVersion(), blas = cublasLtGetVersion();
  const auto text = [](size_t major, size_t minor, size_t patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return "cuDNN " + text(dnn / 10000, dnn / 100 % 100, dnn % 100) + ", cuBLAS " +
         text(blas / 10000, blas / 100 % 100, blas % 100);
}

}  // namespace
}  // namespace limbic::vendor

[[gnu::visibility("default")]] const limbic::VendorKernels* limbic_vendor_kernels(size_t size,
                                                                                  const limbic::GpuRuntime* runtime,
                                                                                  const limbic::VendorCasts& casts) {
  if (size != sizeof(limbic::VendorKernels)) return nullptr;
  static const std::string versions = limbic::vendor::versions();
  static limbic::VendorKernels kernels;
  limbic::vendor::runtime = runtime;
  limbic::vendor::casts = casts;
  limbic::vendor::add_conv2d(kernels);
  limbic::vendor::add_matmul(kernels);
  limbic::vendor::add_batch_norm(kernels);
  limbic::vendor::add_pool2d(kernels);
  limbic::vendor::add_lstm(kernels);
  limbic::vendor::add_grid_sample(kernels);
  limbic::vendor::add_softmax(kernels);
  kernels.versions = versions.c_str();
  return &kernels;
}
