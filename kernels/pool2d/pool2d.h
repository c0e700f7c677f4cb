// SPDX-License-Identifier: Apache-2.0
// Max and average pooling over windows of a map, NHWC.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

enum class PoolKind { max, avg };

struct Pool2dDims {
  int N, H, W, C, R, S, stride_h, stride_w, pad_h,
      pad_w;  ///< pad_h < R, pad_w < S: no window lies wholly in the padding
  PoolKind kind;
  bool count_include_pad = true;  ///< avg: padding counts in the divisor
  bool indices = true;            ///< max, forward: argmax is wanted; else it is null

  [[gnu::always_inline]] constexpr int P() const { return (H + 2 * pad_h - R) / stride_h + 1; }
  [[gnu::always_inline]] constexpr int Q() const { return (W + 2 * pad_w - S) / stride_w + 1; }
};

/// max: the padding never wins, the first of equals does, a NaN wins over numbers.
template <class T>  // float or bf16: how x, y, dx and dy are stored
using Pool2dForwardOf = void(const Pool2dDims&, const T* x /*[N,H,W,C]*/, T* y /*[N,P,Q,C]*/,
                             int32_t* argmax /*[N,P,Q,C] of h*W+w; max only, may be null*/, float* scratch, Stream);
using Pool2dForward = Pool2dForwardOf<float>;

/// Overwrites dx. argmax is read for max only.
template <class T>
using Pool2dBackwardOf = void(const Pool2dDims&, const T* dy /*[N,P,Q,C]*/, const int32_t* argmax, T* dx /*[N,H,W,C]*/,
                              float* scratch, Stream);
using Pool2dBackward = Pool2dBackwardOf<float>;

/// Forward and backward in one call: where a maximum was, stays between them, whatever d.indices says. Overwrites dx.
template <class T>
using Pool2dTrainOf = void(const Pool2dDims&, const T* x /*[N,H,W,C]*/, const T* dy /*[N,P,Q,C]*/, T* y /*[N,P,Q,C]*/,
                           T* dx /*[N,H,W,C]*/, float* scratch, Stream);
using Pool2dTrain = Pool2dTrainOf<float>;

std::span<const Rung<Pool2dDims, Pool2dForward>> pool2d_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<Pool2dDims, Pool2dForwardOf<bf16>>> pool2d_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<Pool2dDims, Pool2dBackward>> pool2d_bwd_rungs(StoredAs<float> = {});
std::span<const Rung<Pool2dDims, Pool2dBackwardOf<bf16>>> pool2d_bwd_rungs(StoredAs<bf16>);
std::span<const Rung<Pool2dDims, Pool2dTrain>> pool2d_train_rungs(StoredAs<float> = {});
std::span<const Rung<Pool2dDims, Pool2dTrainOf<bf16>>> pool2d_train_rungs(StoredAs<bf16>);

}  // namespace limbic
