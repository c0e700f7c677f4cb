// SPDX-License-Identifier: Apache-2.0
// What the ops with a convolution in them have in common. (ops_conv.cpp)
#pragma once
#include "engine/ops.h"
#include "kernels/conv2d/conv2d.h"

namespace limbic {

/// Refuses shapes that do not fit one another, in the name of an op; x has `rank` axes.
void check_conv(const char* name, const Tensor& x, const Tensor& w, const Tensor& bias, int rank, int groups);
Conv2dDims conv_dims(const char* name, const Tensor& x, const Tensor& w, const Conv2dOptions& options);
Shape conv_shape(const Tensor& x, const Conv2dDims& dims);  ///< of the result

}  // namespace limbic
