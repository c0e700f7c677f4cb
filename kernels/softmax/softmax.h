// SPDX-License-Identifier: Apache-2.0
// Softmax and log-softmax over the last axis.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct SoftmaxDims {
  int64_t rows;
  int C;
  bool log;  ///< log-softmax
};

/// y may be x.
using SoftmaxForward = void(const SoftmaxDims&, const float* x /*[rows,C]*/, float* y /*[rows,C]*/, Stream);

/// Overwrites dx, which may be dy. y is the forward's result.
using SoftmaxBackward = void(const SoftmaxDims&, const float* y, const float* dy, float* dx, Stream);

std::span<const Rung<SoftmaxDims, SoftmaxForward>> softmax_fwd_rungs();
std::span<const Rung<SoftmaxDims, SoftmaxBackward>> softmax_bwd_rungs();

}  // namespace limbic
