// SPDX-License-Identifier: Apache-2.0
// 2-D convolution (cross-correlation, as every network means it), NHWC, and its two gradients. A sequence [N,T,F] is a
// map with H = 1.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
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

/// Padding is no operand: v0 leaves its products out. Other rungs multiply zeros there where that is faster, and which
/// of them can depend on N: at borders an infinite weight or gradient may make NaN where v0 has none. Of finite numbers
/// the bits do not depend on N.
/// `prepared` holds the weights as conv2d_prepare() of the same rung left them; null: prepared into scratch, which else
/// needs conv2d_prepared_size() fewer floats.
template <class T>  // float or bf16: how x, w, y, dx and dy are stored
using Conv2dForwardOf = void(const Conv2dDims&, const T* x /*[N,H,W,C]*/, const T* w /*[K,R,S,C/groups]*/,
                             const float* prepared, const Conv2dEpilogue&, T* y /*[N,P,Q,K]*/, float* scratch, Stream);
using Conv2dForward = Conv2dForwardOf<float>;

/// Overwrites dx.
template <class T>
using Conv2dDxOf = void(const Conv2dDims&, const T* dy /*[N,P,Q,K]*/, const T* w /*[K,R,S,C/groups]*/,
                        T* dx /*[N,H,W,C]*/, float* scratch, Stream);
using Conv2dDx = Conv2dDxOf<float>;

/// Overwrites dw. Sums run over images in their order, so a batch gives other bits than the sum of its images.
template <class T>
using Conv2dDwOf = void(const Conv2dDims&, const T* x /*[N,H,W,C]*/, const T* dy /*[N,P,Q,K]*/,
                        float* dw /*[K,R,S,C/groups]*/, float* scratch, Stream);
using Conv2dDw = Conv2dDwOf<float>;

std::span<const Rung<Conv2dDims, Conv2dForward>> conv2d_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, Conv2dForwardOf<bf16>>> conv2d_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<Conv2dDims, Conv2dDx>> conv2d_dx_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, Conv2dDxOf<bf16>>> conv2d_dx_rungs(StoredAs<bf16>);
std::span<const Rung<Conv2dDims, Conv2dDw>> conv2d_dw_rungs(StoredAs<float> = {});
std::span<const Rung<Conv2dDims, Conv2dDwOf<bf16>>> conv2d_dw_rungs(StoredAs<bf16>);

/// The room that a forward rung's prepared weights take for these dims (N does not matter), in floats; 0: it has no
/// such form.
template <class T>
size_t conv2d_prepared_size(const char* rung, const Conv2dDims&, StoredAs<T>);

/// Packs or transforms the weights once, for many forward calls on maps stored as T (bf16: as if the weights were
/// rounded first); `out` has room for conv2d_prepared_size() floats.
template <class T>
void conv2d_prepare(const char* rung, const Conv2dDims&, const float* w /*[K,R,S,C/groups]*/, float* out, StoredAs<T>);

}  // namespace limbic
