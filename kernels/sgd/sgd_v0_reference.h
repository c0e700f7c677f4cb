// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/sgd/sgd.h"

namespace limbic {

template <class T>
void sgd_step_v0_reference(const SgdDims& d, T* w, const T* g, T* velocity, Stream) {
  for (int64_t i = 0; i < d.n; ++i) {
    T gradient = g[i] * T(d.grad_scale) + T(d.weight_decay) * w[i];
    if (velocity) {
      velocity[i] = T(d.momentum) * velocity[i] + gradient;
      gradient = d.nesterov ? gradient + T(d.momentum) * velocity[i] : velocity[i];
    }
    w[i] -= T(d.lr) * gradient;
  }
}

}  // namespace limbic
