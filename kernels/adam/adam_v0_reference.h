// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/adam/adam.h"

namespace limbic {

template <class T>
void adam_step_v0_reference(const AdamDims& d, T* w, const T* g, T* m, T* v, T* vmax, Stream) {
  const double correct1 = 1 - power(d.beta1, d.step), correct2 = 1 - power(d.beta2, d.step);
  const T step_size = T(d.lr / correct1), root2 = T(std::sqrt(correct2));
  for (int64_t i = 0; i < d.n; ++i) {
    T gradient = g[i] * T(d.grad_scale);
    if (d.decoupled) {
      w[i] *= T(1 - d.lr * d.weight_decay);
    } else {
      gradient += T(d.weight_decay) * w[i];
    }
    m[i] += T(1 - d.beta1) * (gradient - m[i]);
    v[i] = T(d.beta2) * v[i] + T(1 - d.beta2) * gradient * gradient;
    if (d.amsgrad) vmax[i] = std::max(vmax[i], v[i]);
    w[i] -= step_size * m[i] / (std::sqrt(d.amsgrad ? vmax[i] : v[i]) / root2 + T(d.eps));
  }
}

inline void adam_many_v0_reference(const AdamDims& d, const AdamTensor* tensors, int count, Stream stream) {
  for (const AdamTensor* t = tensors; t < tensors + count; ++t) {
    AdamDims own = d;
    own.n = t->n;
    adam_step_v0_reference(own, t->w, t->g, t->m, t->v, t->vmax, stream);
  }
}

}  // namespace limbic
