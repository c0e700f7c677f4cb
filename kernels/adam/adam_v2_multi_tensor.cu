// SPDX-License-Identifier: Apache-2.0
// Idea: one launch for up to 64 tensors: their addresses are arguments, and a block finds the tensor it belongs to.
// Changed from v1: a block has 1024 weights of one tensor, four a thread, and looks for it by halving.
// Why faster: CNN-14 has 56 tensors, most of them of some hundred numbers: 56 launches of 3 microseconds become one.
// Limited by: memory bandwidth, 28 bytes a weight.
// Next: the gradients' norm, and the bf16 copy of w, in the same pass.
#include "kernels/adam/adam_device.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int many_tensors = 64, many_threads = 256, many_weights = 1024;  // at once; threads and weights a block

struct AdamTensors {
  AdamTensor of[many_tensors];
  int first_block[many_tensors + 1];  ///< of each tensor; behind the last: the number of blocks
  int count = 0;
};
static_assert(sizeof(AdamTensors) + sizeof(AdamConstants) + 8 <= 4096, "the arguments of a launch");

__global__ void __launch_bounds__(many_threads) adam_many_v2(AdamConstants now, const AdamConstants* of_step,
                                                              AdamTensors tensors) {
  const AdamConstants a = of_step ? *of_step : now;
  const int block = static_cast<int>(blockIdx.x);
  int low = 0, high = tensors.count;  // the tensor lies in [low, high)
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (tensors.first_block[middle] <= block ? low : high) = middle;
  }
  const AdamTensor& t = tensors.of[low];
  const int64_t begin = int64_t{block - tensors.first_block[low]} * many_weights;
#pragma unroll
  for (int j = 0; j < many_weights / many_threads; ++j) {
    const int64_t i = begin + j * many_threads + threadIdx.x;
    if (i < t.n) adam_update(a, t.w[i], t.g[i], t.m[i], t.v[i], t.vmax ? t.vmax + i : nullptr);
  }
}

void adam_many_v2_multi_tensor(const AdamDims& d, const AdamTensor* tensors, int count, Stream stream) {
  for (int first = 0; first < count; first += many_tensors) {
    AdamTensors some{};
    int blocks = 0;
    for (int i = first; i < count && some.count < many_tensors; ++i) {
      some.first_block[some.count] = blocks;
      some.of[some.count] = tensors[i];
      if (!d.amsgrad) some.of[some.count].vmax = nullptr;
      ++some.count;
      blocks += static_cast<int>(blocks_for(tensors[i].n, many_weights));
    }
    some.first_block[some.count] = blocks;
    LAUNCH(adam_many_v2, (Grid{.blocks = static_cast<unsigned>(blocks), .threads = many_threads, .stream = stream}),
           AdamConstants(d), d.of_step, some);
  }
}

}  // namespace limbic::LIMBIC_DEVICE
