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

/// The SIMD rung sums blocks of the axis in f32 and adds the blocks in double. Block length depends on `inner` alone.
[[gnu::always_inline]] inline int64_t reduce_block(const ReduceDims& d) {
  if (d.inner == 1) return 4096;
  const int64_t block = d.inner > 0 ? 32768 / d.inner : 1;
  return block < 64 ? 64 : block > 1024 ? 1024 : block;
}

/// One float a block and output.
[[gnu::always_inline]] inline size_t reduce_scratch(const ReduceDims& d) {
  return static_cast<size_t>(d.outer * d.inner * ((d.n + reduce_block(d) - 1) / reduce_block(d)));
}

/// max: the first of equals wins, a NaN wins over numbers.
using ReduceForward = void(const ReduceDims&, const float* x /*[outer,n,inner]*/, float* y /*[outer,inner]*/,
                           int32_t* argmax /*[outer,inner] in 0..n-1; max only, may be null*/, float* scratch, Stream);

/// Overwrites dx. argmax is read for max only.
using ReduceBackward = void(const ReduceDims&, const float* dy /*[outer,inner]*/, const int32_t* argmax,
                            float* dx /*[outer,n,inner]*/, float* scratch, Stream);

std::span<const Rung<ReduceDims, ReduceForward>> reduce_fwd_rungs();
std::span<const Rung<ReduceDims, ReduceBackward>> reduce_bwd_rungs();

}  // namespace limbic
