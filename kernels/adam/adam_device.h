// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/adam/adam.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// One weight's step; vmax null: no AMSGrad.
__device__ inline void adam_update(const AdamConstants& a, float& w, float g, float& m, float& v, float* vmax) {
  float weight = w, gradient = g * a.grad_scale;
  if (a.decoupled) {
    weight *= a.keep;
  } else {
    gradient += a.decay * weight;
  }
  const float first = m + a.one_minus_beta1 * (gradient - m);
  const float second = a.beta2 * v + a.one_minus_beta2 * gradient * gradient;
  m = first, v = second;
  float largest = second;
  if (vmax) *vmax = largest = fmaxf(*vmax, second);
  w = weight - a.step_size * first / (sqrtf(largest) / a.root2 + a.eps);
}

}  // namespace limbic::LIMBIC_DEVICE
