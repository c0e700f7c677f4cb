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
template <class T>  // float or bf16: how x, y, dx and dy are stored
using BatchNormPoolForwardOf = void(const BatchNormPoolDims&, const T* x /*[N,H,W,C]*/, const float* weight /*[C]*/,
                                    const float* bias /*[C]*/, float eps, float* mean /*[C]*/, float* var /*[C]*/,
                                    T* y /*[N,P,Q,C]*/, float* scratch, Stream);
using BatchNormPoolForward = BatchNormPoolForwardOf<float>;

/// Evaluation: mean and var are given.
template <class T>
using BatchNormPoolApplyOf = void(const BatchNormPoolDims&, const T* x, const float* mean, const float* var,
                                  const float* weight, const float* bias, float eps, T* y, float* scratch, Stream);
using BatchNormPoolApply = BatchNormPoolApplyOf<float>;

/// Overwrites dx, dweight, dbias. The ReLU's mask is computed again from x, by the forward's arithmetic. train: mean
/// and var are functions of x; else constants.
template <class T>
using BatchNormPoolBackwardOf = void(const BatchNormPoolDims&, const T* x, const T* dy /*[N,P,Q,C]*/, const float* mean,
                                     const float* var, const float* weight, const float* bias, float eps, bool train,
                                     T* dx /*[N,H,W,C]*/, float* dweight, float* dbias, float* scratch, Stream);
using BatchNormPoolBackward = BatchNormPoolBackwardOf<float>;

std::span<const Rung<BatchNormPoolDims, BatchNormPoolForward>> batch_norm_pool_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormPoolDims, BatchNormPoolForwardOf<bf16>>> batch_norm_pool_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<BatchNormPoolDims, BatchNormPoolApply>> batch_norm_pool_apply_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormPoolDims, BatchNormPoolApplyOf<bf16>>> batch_norm_pool_apply_rungs(StoredAs<bf16>);
std::span<const Rung<BatchNormPoolDims, BatchNormPoolBackward>> batch_norm_pool_bwd_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormPoolDims, BatchNormPoolBackwardOf<bf16>>> batch_norm_pool_bwd_rungs(StoredAs<bf16>);

}  // namespace limbic
