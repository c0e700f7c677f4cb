// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/bce/bce.h"

namespace limbic {

template <class T>
void bce_fwd_v0_reference(const BceDims& d, const T* p, const T* target, T* loss, Stream) {
  for (int64_t i = 0; i < d.n; ++i) {
    const T log_p = std::max(std::log(p[i]), T(-100)), log_q = std::max(std::log1p(-p[i]), T(-100));
    loss[i] = -(target[i] * log_p + (1 - target[i]) * log_q);
  }
}

template <class T>
void bce_bwd_v0_reference(const BceDims& d, const T* p, const T* target, const T* dloss, T* dp, Stream) {
  for (int64_t i = 0; i < d.n; ++i) {
    dp[i] = dloss[i] * (p[i] - target[i]) / std::max(p[i] * (1 - p[i]), T(1e-12));
  }
}

}  // namespace limbic
