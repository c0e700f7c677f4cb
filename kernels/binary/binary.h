// SPDX-License-Identifier: Apache-2.0
// Functions of two tensors with broadcasting: an axis that a tensor does not have, or has with length 1, gets stride 0.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

enum class Binary { add, sub, mul, div, max };

struct BinaryDims {
  Binary kind;
  int rank;                          ///< 0 to 6
  int64_t shape[6];                  ///< of y; y is contiguous
  int64_t stride_a[6], stride_b[6];  ///< in elements, over y's axes; each tensor is contiguous in its own shape
};

/// y may be an input that is not broadcast.
using BinaryForward = void(const BinaryDims&, const float* a, const float* b, float* y, Stream);

/// Overwrites da and db, each in its own shape (summed over the axes it was broadcast along); each may be null.
/// max: equal inputs get half the gradient each. add and sub do not read a and b (they may be null).
using BinaryBackward = void(const BinaryDims&, const float* a, const float* b, const float* dy, float* da, float* db,
                            Stream);

std::span<const Rung<BinaryDims, BinaryForward>> binary_fwd_rungs();
std::span<const Rung<BinaryDims, BinaryBackward>> binary_bwd_rungs();

}  // namespace limbic
