// SPDX-License-Identifier: Apache-2.0
// Max and average pooling over windows of a map, NHWC.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

enum class PoolKind { max, avg };

struct Pool2dDims {
  int N, H, W, C, R, S, stride_h, stride_w, pad_h,
      pad_w;  ///< pad_h < R, pad_w < S: no window lies wholly in the padding
  PoolKind kind;
  bool count_include_pad = true;  ///< avg: padding counts in the divisor

  [[gnu::always_inline]] constexpr int P() const { return (H + 2 * pad_h - R) / stride_h + 1; }
  [[gnu::always_inline]] constexpr int Q() const { return (W + 2 * pad_w - S) / stride_w + 1; }
};

/// max: the padding never wins, the first of equals does, a NaN wins over numbers.
using Pool2dForward = void(const Pool2dDims&, const float* x /*[N,H,W,C]*/, float* y /*[N,P,Q,C]*/,
                           int32_t* argmax /*[N,P,Q,C] of h*W+w; max only, may be null*/, float* scratch, Stream);

/// Overwrites dx. argmax is read for max only.
using Pool2dBackward = void(const Pool2dDims&, const float* dy /*[N,P,Q,C]*/, const int32_t* argmax,
                            float* dx /*[N,H,W,C]*/, float* scratch, Stream);

std::span<const Rung<Pool2dDims, Pool2dForward>> pool2d_fwd_rungs();
std::span<const Rung<Pool2dDims, Pool2dBackward>> pool2d_bwd_rungs();

}  // namespace limbic
