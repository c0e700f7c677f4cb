// SPDX-License-Identifier: Apache-2.0
// A tensor in device memory as a bulk copy (bulk_copy() of kernels/ptx.h) sees it. The host describes it once a launch;
// the kernel takes the description as a parameter, `const __grid_constant__ TensorMap`.
#pragma once
#include <cstdint>

#ifdef __CUDACC__
#include <cuda.h>
#endif

namespace limbic {

/// Numbers of bf16, and the box of them that one copy brings. Dimensions from the innermost out.
struct TensorBox {
  const uint16_t* tensor;
  int rank;                       ///< 2 to 5
  int64_t size[5];                ///< in elements
  int64_t stride[5];              ///< in elements; that of the innermost dimension is 1
  int box[5];                     ///< elements a copy brings; 64 of the innermost, a row of 128 bytes
  int step[5] = {1, 1, 1, 1, 1};  ///< from one element of the box to the next, in the tensor
};

/// What cuTensorMapEncodeTiled would refuse (CUDA Driver API, "Tensor Map Object Management"); null: nothing.
inline const char* what_is_wrong(const TensorBox& t) {
  if (t.rank < 2 || t.rank > 5) return "the rank is not 2 to 5";
  if (reinterpret_cast<uintptr_t>(t.tensor) % 16) return "the tensor does not begin at a multiple of 16 bytes";
  if (t.stride[0] != 1 || t.step[0] != 1) return "the innermost elements are not neighbours";
  if (t.box[0] != 64) return "the innermost row of the box is not 128 bytes";
  for (int i = 0; i < t.rank; ++i) {
    if (t.size[i] < 1 || t.size[i] > int64_t{1} << 32) return "a size is not 1 to 2^32";
    if (t.step[i] < 1 || t.step[i] > 8) return "a step is not 1 to 8";
    if (t.box[i] < 1 || t.box[i] * t.step[i] > 256) return "the box does not reach over 1 to 256 elements";
    if (i && (t.stride[i] % 8 || t.stride[i] < 0 || t.stride[i] >= int64_t{1} << 39))
      return "a stride is not a multiple of 16 bytes";
  }
  return nullptr;
}

#ifdef __CUDACC__
namespace cuda {
using TensorMap = CUtensorMap;
TensorMap make_tensor_map(const TensorBox& box);  ///< throws std::runtime_error where what_is_wrong()
}  // namespace cuda
#else
namespace emu {
struct TensorMap {
  TensorBox of;
};
TensorMap make_tensor_map(const TensorBox& box);  ///< throws Error where what_is_wrong(), or outside device memory
}  // namespace emu
#endif

}  // namespace limbic
