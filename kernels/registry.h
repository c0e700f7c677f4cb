// SPDX-License-Identifier: Apache-2.0
// What there is to run: every rung of every pass of every op, for `limbic kernels list`, tests and benchmarks.
#pragma once
#include <vector>

#include "kernels/rung.h"

namespace limbic {

struct KernelInfo {
  const char* op;    ///< "conv2d"
  const char* pass;  ///< "fwd", "dx", "dw", "bwd", "step" ...
  const char* name;  ///< "v0_reference", "cpu_vector", "v2_tiled" ...
  Device device;
  const char* file;  ///< relative to kernels/
  bool is_default;   ///< runs by itself where it supports the shape: the first of its device for the active Isa
  bool runs_here;    ///< has a version for the active Isa
};

/// All rungs in the registry's order: by op, by pass, preferred first.
std::vector<KernelInfo> kernel_list();

}  // namespace limbic
