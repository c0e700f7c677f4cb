// SPDX-License-Identifier: Apache-2.0
// The end of a PANNs block: batch norm and ReLU (kernels/batch_norm), then the average over windows of 2x2, as one op:
//   y = avg_pool2d(relu(batch_norm(x)), 2)
// Of an odd height or width the last row or column is in no window; it counts in the mean and the variance.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/batch_norm/batch_norm.h"

namespace limbic {

struct BatchNormPoolDims {
  int N, H, W, C;
  constexpr int P() const { return H / 2; }
  constexpr int Q() const { return W / 2; }
  BatchNormDims map() const { return {int64_t{N} * H * W, C}; }
};

/// Training: mean and var (biased) over all of x, then y.
using BatchNormPoolForward = void(const BatchNormPoolDims&, const float* x /*[N,H,W,C]*/, const float* weight /*[C]*/,
                                  const float* bias /*[C]*/, float eps, float* mean /*[C]*/, float* var /*[C]*/,
                                  float* y /*[N,P,Q,C]*/, float* scratch, Stream);

/// Evaluation: mean and var are given.
using BatchNormPoolApply = void(const BatchNormPoolDims&, const float* x, const float* mean, const float* var,
                                const float* weight, const float* bias, float eps, float* y, float* scratch, Stream);

/// Overwrites dx, dweight, dbias. The ReLU's mask is computed again from x, by the forward's arithmetic. train: mean
/// and var are functions of x; else constants.
using BatchNormPoolBackward = void(const BatchNormPoolDims&, const float* x, const float* dy /*[N,P,Q,C]*/,
                                   const float* mean, const float* var, const float* weight, const float* bias,
                                   float eps, bool train, float* dx /*[N,H,W,C]*/, float* dweight, float* dbias,
                                   float* scratch, Stream);

std::span<const Rung<BatchNormPoolDims, BatchNormPoolForward>> batch_norm_pool_fwd_rungs();
std::span<const Rung<BatchNormPoolDims, BatchNormPoolApply>> batch_norm_pool_apply_rungs();
std::span<const Rung<BatchNormPoolDims, BatchNormPoolBackward>> batch_norm_pool_bwd_rungs();

}  // namespace limbic
