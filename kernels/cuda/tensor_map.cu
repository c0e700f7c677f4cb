// SPDX-License-Identifier: Apache-2.0
#include "kernels/tensor_map.h"

#include <cuda_runtime.h>
#include <cudaTypedefs.h>

#include <stdexcept>
#include <string>

namespace limbic::cuda {
namespace {

/// The driver's own function, found when it is first wanted: nothing links to libcuda.
PFN_cuTensorMapEncodeTiled_v12000 encoder() {
  static const auto found = [] {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result;
    const cudaError_t status =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &result);
    if (status != cudaSuccess || result != cudaDriverEntryPointSuccess)
      throw std::runtime_error("cuda: this driver has no cuTensorMapEncodeTiled");
    return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
  }();
  return found;
}

}  // namespace

TensorMap make_tensor_map(const TensorBox& t) {
  if (const char* const wrong = what_is_wrong(t)) throw std::runtime_error(std::string("cuda: tensor map: ") + wrong);
  cuuint64_t size[5], stride_bytes[5];
  cuuint32_t reach[5], step[5];
  for (int i = 0; i < t.rank; ++i) {
    size[i] = static_cast<cuuint64_t>(t.size[i]);
    stride_bytes[i] = static_cast<cuuint64_t>(t.stride[i]) * 2;
    reach[i] = static_cast<cuuint32_t>(t.box[i] * t.step[i]);
    step[i] = static_cast<cuuint32_t>(t.step[i]);
  }
  TensorMap map;
  const CUresult status =
      encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, static_cast<cuuint32_t>(t.rank),
                const_cast<uint16_t*>(t.tensor), size, stride_bytes + 1, reach, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS)
    throw std::runtime_error("cuda: cuTensorMapEncodeTiled returns " + std::to_string(static_cast<int>(status)));
  return map;
}

}  // namespace limbic::cuda
