// SPDX-License-Identifier: Apache-2.0
// One step of stochastic gradient descent with momentum (Nesterov's on request), in PyTorch's order of operations.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

/// What a schedule changes.
struct SgdRate {
  float lr, grad_scale;
};

struct SgdDims {
  int64_t n;
  double lr, momentum, weight_decay;
  bool nesterov;
  float grad_scale = 1;  ///< multiplies g
  const SgdRate* of_step = nullptr;  ///< CUDA: device memory with what counts instead (engine/step_graph.h)
};

/// Updates w and velocity (begins as zeros; null where momentum is 0).
using SgdStep = void(const SgdDims&, float* w, const float* g, float* velocity, Stream);

std::span<const Rung<SgdDims, SgdStep>> sgd_step_rungs();

}  // namespace limbic
