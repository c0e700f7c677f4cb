// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/gpu.h"
#include "kernels/pool2d/pool2d.h"

namespace limbic::LIMBIC_DEVICE {

/// The part of window (p,q) that lies on the map, and what an average over it divides by.
struct DeviceWindow {
  int h0, h1, w0, w1, count;
  __device__ DeviceWindow(const Pool2dDims& d, int p, int q) {
    const int h = p * d.stride_h - d.pad_h, w = q * d.stride_w - d.pad_w;
    h0 = max(h, 0), h1 = min(h + d.R, d.H), w0 = max(w, 0), w1 = min(w + d.S, d.W);
    count = d.count_include_pad ? d.R * d.S : (h1 - h0) * (w1 - w0);
  }
};

/// Windows first .. last along an axis see place `at` of it.
struct WindowRange {
  int first, last;
  __device__ WindowRange(int at, int pad, int window, int stride, int windows) {
    const int from = at + pad - window + 1;
    first = from <= 0 ? 0 : (from + stride - 1) / stride;
    last = min((at + pad) / stride, windows - 1);
  }
};

/// Does `next` win over `top`? The first of equals stays, a NaN wins over numbers.
__device__ inline bool pool_beats(float next, float top) { return next > top || (next != next && top == top); }

Pool2dForward pool2d_fwd_v1_naive;  // (pool2d_v1_naive.cu)
Pool2dBackward pool2d_bwd_v1_naive;
Pool2dForwardOf<bf16> pool2d_fwd_v1_naive;
Pool2dBackwardOf<bf16> pool2d_bwd_v1_naive;

}  // namespace limbic::LIMBIC_DEVICE
