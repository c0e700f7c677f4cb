// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "kernels/adam/adam.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// What a step's weights share.
struct AdamConstants {
  float grad_scale, decay, keep, step_size, root2, eps, one_minus_beta1, beta2, one_minus_beta2;
  bool decoupled;
  explicit AdamConstants(const AdamDims& d)
      : grad_scale(d.grad_scale),
        decay(static_cast<float>(d.weight_decay)),
        keep(static_cast<float>(1 - d.lr * d.weight_decay)),
        step_size(static_cast<float>(d.lr / (1 - power(d.beta1, d.step)))),
        root2(static_cast<float>(std::sqrt(1 - power(d.beta2, d.step)))),
        eps(static_cast<float>(d.eps)),
        one_minus_beta1(static_cast<float>(1 - d.beta1)),
        beta2(static_cast<float>(d.beta2)),
        one_minus_beta2(static_cast<float>(1 - d.beta2)),
        decoupled(d.decoupled) {}
};

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
