// SPDX-License-Identifier: Apache-2.0
// A pass of a convolution as cuDNN's graph.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/vendor/plans.h"

namespace limbic::vendor {

enum class ConvPass { fwd, dx, dw };

/// How the tensors are stored: all in f32; all in bf16; dw, of x and dy in bf16, in f32: converted within the graph.
enum class ConvStorage { f32, bf16, bf16_but_dw };

/// The names of x (or dx), w (or dw) and y (or dy) in the graph.
constexpr std::array<int64_t, 3> conv2d_ids = {'x', 'w', 'y'};

/// NHWC maps and [K,R,S,C] weights, all at addresses that are multiples of `alignment`; throws where cuDNN refuses.
Descriptor conv2d_graph(ConvPass, ConvStorage, const Conv2dDims&, int alignment, const Target&);

}  // namespace limbic::vendor
