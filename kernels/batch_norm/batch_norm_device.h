// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// One channel's constants, and what they make of x. Forward and backward share it: the ReLU's mask must be the same.
struct BatchNormChannel {
  float mean, rstd, scale, bias;
  __device__ BatchNormChannel(const float* all_mean, const float* all_var, const float* weight, const float* all_bias,
                              float eps, int c)
      : mean(all_mean[c]),
        rstd(1 / sqrtf(all_var[c] + eps)),
        scale(weight[c] / sqrtf(all_var[c] + eps)),
        bias(all_bias[c]) {}
  __device__ float value(float x) const { return fmaf(x - mean, scale, bias); }
  __device__ float y(float x, bool relu) const { return relu && value(x) < 0 ? 0.0f : value(x); }
  __device__ float dz(float x, float dy, bool relu) const { return relu && value(x) <= 0 ? 0.0f : dy; }
  __device__ float xhat(float x) const { return (x - mean) * rstd; }
};

}  // namespace limbic::LIMBIC_DEVICE
