// SPDX-License-Identifier: Apache-2.0
// 2-D convolution (cross-correlation, as every network means it), NHWC, and its two gradients. A sequence [N,T,F] is a
// map with H = 1.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct Conv2dDims {
  int N, H, W, C, K, R, S;
  int stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1;
  int groups = 1;  ///< divides C and K

  [[gnu::always_inline]] constexpr int P() const { return (H + 2 * pad_h - dilation_h * (R - 1) - 1) / stride_h + 1; }
  [[gnu::always_inline]] constexpr int Q() const { return (W + 2 * pad_w - dilation_w * (S - 1) - 1) / stride_w + 1; }
};

/// What happens to each sum before it is stored: y = relu(fma(sum - mean[k], scale[k], shift[k])), a batch norm with
/// the bits of kernels/batch_norm.
struct Conv2dEpilogue {
  const float* mean = nullptr;   ///< [K]; null: 0
  const float* scale = nullptr;  ///< [K]; null: 1
  const float* shift = nullptr;  ///< [K]; null: 0
  bool relu = false;
};

/// `prepared` holds the weights as conv2d_prepare() of the same rung left them; null: prepared into scratch, which else
/// needs conv2d_prepared_size() fewer floats.
using Conv2dForward = void(const Conv2dDims&, const float* x /*[N,H,W,C]*/, const float* w /*[K,R,S,C/groups]*/,
                           const float* prepared, const Conv2dEpilogue&, float* y /*[N,P,Q,K]*/, float* scratch,
                           Stream);

/// Overwrites dx.
using Conv2dDx = void(const Conv2dDims&, const float* dy /*[N,P,Q,K]*/, const float* w /*[K,R,S,C/groups]*/,
                      float* dx /*[N,H,W,C]*/, float* scratch, Stream);

/// Overwrites dw. Sums run over images in their order, so a batch gives other bits than the sum of its images.
using Conv2dDw = void(const Conv2dDims&, const float* x /*[N,H,W,C]*/, const float* dy /*[N,P,Q,K]*/,
                      float* dw /*[K,R,S,C/groups]*/, float* scratch, Stream);

std::span<const Rung<Conv2dDims, Conv2dForward>> conv2d_fwd_rungs();
std::span<const Rung<Conv2dDims, Conv2dDx>> conv2d_dx_rungs();
std::span<const Rung<Conv2dDims, Conv2dDw>> conv2d_dw_rungs();

/// Floats that a forward rung's prepared weights take for these dims (N does not matter); 0: it has no such form.
size_t conv2d_prepared_size(const char* rung, const Conv2dDims&);

/// Packs or transforms the weights once, for many forward calls; `out` holds conv2d_prepared_size() floats.
void conv2d_prepare(const char* rung, const Conv2dDims&, const float* w /*[K,R,S,C/groups]*/, float* out);

}  // namespace limbic
