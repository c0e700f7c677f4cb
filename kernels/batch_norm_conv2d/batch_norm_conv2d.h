// SPDX-License-Identifier: Apache-2.0
// A convolution between two batch norms, in training: the one before it is applied, with its ReLU, while x is read, and
// mean and variance for the one behind it are left beside y:
//   z = relu(batch_norm(x)), or x itself where mean is null;  y = conv2d(z, w);  y_mean and y_var (biased) over y's
//   rows
// Padding is zeros of z, not of x. Statistics are those of y as it is stored.
#pragma once
#include <span>

#include "kernels/conv2d/conv2d.h"

namespace limbic {

template <class T>  // float or bf16: how x, w, y and dy are stored
using BatchNormConv2dForwardOf = void(const Conv2dDims&, const T* x /*[N,H,W,C]*/, const float* mean /*[C] or null*/,
                                      const float* var /*[C]*/, const float* weight /*[C]*/, const float* bias /*[C]*/,
                                      float eps, const T* w /*[K,R,S,C/groups]*/, T* y /*[N,P,Q,K]*/,
                                      float* y_mean /*[K]*/, float* y_var /*[K]*/, float* scratch, Stream);
using BatchNormConv2dForward = BatchNormConv2dForwardOf<float>;

/// Overwrites dw, the gradient of w. mean is null neither here nor in dx: without a batch norm they are conv2d's.
template <class T>
using BatchNormConv2dDwOf = void(const Conv2dDims&, const T* x, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, const T* dy /*[N,P,Q,K]*/,
                                 float* dw /*[K,R,S,C/groups]*/, float* scratch, Stream);
using BatchNormConv2dDw = BatchNormConv2dDwOf<float>;

/// Overwrites dx, dweight and dbias, the gradients of x, weight and bias. train: mean and var are functions of x; else
/// constants.
template <class T>
using BatchNormConv2dDxOf = void(const Conv2dDims&, const T* x, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, const T* w, const T* dy, bool train,
                                 T* dx /*[N,H,W,C]*/, float* dweight /*[C]*/, float* dbias /*[C]*/, float* scratch,
                                 Stream);
using BatchNormConv2dDx = BatchNormConv2dDxOf<float>;

std::span<const Rung<Conv2dDims, BatchNormConv2dForward>> batch_norm_conv2d_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, BatchNormConv2dForwardOf<bf16>>> batch_norm_conv2d_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<Conv2dDims, BatchNormConv2dDx>> batch_norm_conv2d_dx_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, BatchNormConv2dDxOf<bf16>>> batch_norm_conv2d_dx_rungs(StoredAs<bf16>);
std::span<const Rung<Conv2dDims, BatchNormConv2dDw>> batch_norm_conv2d_dw_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, BatchNormConv2dDwOf<bf16>>> batch_norm_conv2d_dw_rungs(StoredAs<bf16>);

}  // namespace limbic
