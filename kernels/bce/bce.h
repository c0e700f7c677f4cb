// SPDX-License-Identifier: Apache-2.0
// Binary cross-entropy of probabilities; logarithms are held at -100 and above, as PyTorch's binary_cross_entropy does.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct BceDims {
  int64_t n;
};

/// loss = -(t * max(log p, -100) + (1 - t) * max(log(1 - p), -100)), element by element.
using BceForward = void(const BceDims&, const float* p /*[n], in 0..1*/, const float* target /*[n], in 0..1*/,
                        float* loss /*[n]*/, Stream);

/// Overwrites dp: dloss * (p - t) / max(p * (1 - p), 1e-12).
using BceBackward = void(const BceDims&, const float* p, const float* target, const float* dloss /*[n]*/,
                         float* dp /*[n]*/, Stream);

std::span<const Rung<BceDims, BceForward>> bce_fwd_rungs();
std::span<const Rung<BceDims, BceBackward>> bce_bwd_rungs();

}  // namespace limbic
