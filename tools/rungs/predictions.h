// SPDX-License-Identifier: Apache-2.0
// What the default CUDA rungs, and those of sm_90a, should cost on a GPU that is only described: registers and occupancy
// from ptxas, bytes and FLOPs from the shapes, the time from the roof. Nothing here is measured.
#pragma once
#include <string>
#include <vector>

#include "tools/rungs/ptxas.h"

namespace limbic {

/// An H200 SXM by its data sheet, dense: what no kernel can beat.
struct PaperRoof {
  double f32 = 66.9e12, tf32 = 494.5e12, bf16 = 989e12;  ///< FLOP/s
  double bytes = 4.8e12;                                 ///< of memory, a second
  int multiprocessors = 132;
};

struct PredictedKernel {
  KernelResources resources;
  int threads = 0, warps = 0;  ///< of a block; at once on a multiprocessor, of 64
  int64_t blocks = 0;          ///< of its largest launch
  int launches = 0;
};

struct Prediction {
  std::string op, pass, problem, dims, rung, file;
  std::vector<PredictedKernel> kernels;  ///< in the order of their first launches
  double bytes = 0;                      ///< every array once
  double flop = 0;                       ///< 0: only moves data
  double us = 0;                         ///< at least
  bool by_memory = false;                ///< what the time is spent on: memory, or else arithmetic
};

/// Every default rung, and v5_wgmma_bf16, on its op's problems of CNN-14, or on its largest where there are none. `op`
/// "": all ops. Throws Error(failure) where nvcc refuses a file.
std::vector<Prediction> predict_kernels(const std::string& nvcc, const std::string& op, const PaperRoof& roof);

}  // namespace limbic
