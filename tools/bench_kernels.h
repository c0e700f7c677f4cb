// SPDX-License-Identifier: Apache-2.0
// `limbic bench kernels`: our CUDA rungs against cuDNN's and cuBLAS's.
#pragma once
#include "tools/rungs/races.h"
#include "tools/verb.h"

namespace limbic {

/// Prints, for each problem, every rung's time, the peer's in the same arithmetic, their ratio and how much of the
/// machine's roof the rung reaches, or why it failed. What has been raced is printed, whatever fails later. Returns the
/// exit code: 1 where a rung of ours failed. Throws Error(device) where a GPU or the vendor's module is missing.
int bench_kernels(const Program&, const KernelBench&);

}  // namespace limbic
