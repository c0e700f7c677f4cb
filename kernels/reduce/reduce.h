// SPDX-License-Identifier: Apache-2.0
// Sum, mean or maximum over one axis (or several neighbouring ones seen as one): [outer, n, inner] -> [outer, inner].
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

enum class ReduceKind { sum, mean, max };

struct ReduceDims {
  int64_t outer, n, inner;  ///< n >= 1 for mean and max
  ReduceKind kind;
};

/// max: the first of equals wins, a NaN wins over numbers.
using ReduceForward = void(const ReduceDims&, const float* x /*[outer,n,inner]*/, float* y /*[outer,inner]*/,
                           int32_t* argmax /*[outer,inner] in 0..n-1; max only, may be null*/, float* scratch, Stream);

/// Overwrites dx. argmax is read for max only.
using ReduceBackward = void(const ReduceDims&, const float* dy /*[outer,inner]*/, const int32_t* argmax,
                            float* dx /*[outer,n,inner]*/, float* scratch, Stream);

std::span<const Rung<ReduceDims, ReduceForward>> reduce_fwd_rungs();
std::span<const Rung<ReduceDims, ReduceBackward>> reduce_bwd_rungs();

}  // namespace limbic
