// SPDX-License-Identifier: Apache-2.0
// `limbic bench kernels`: our CUDA rungs against cuDNN's and cuBLAS's.
#pragma once
#include <string>
#include <vector>

#include "tools/verb.h"

namespace limbic {

struct KernelBench {
  std::string op;  ///< "": every op that has a peer
  std::vector<std::string> vs = {"cudnn", "cublas"};
  std::vector<std::string> problems;  ///< by name; none: all of the op's, or of each op the first twelve, real layers
  std::string storage;                ///< of maps: "f32", "bf16"; "": either
  std::string shape;                  ///< KEY=VALUE,... set in each of them
  int repeats = 9;
};

/// Prints, for each problem, every rung's time, the peer's in the same arithmetic, their ratio and how much of the
/// machine's roof the rung reaches. Throws Error(device) where a GPU or the vendor's module is missing.
int bench_kernels(const Program&, const KernelBench&);

}  // namespace limbic
