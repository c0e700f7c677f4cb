// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/matmul/matmul.h"

namespace limbic {

template <class T>
void matmul_fwd_v0_reference(const MatmulDims& d, const T* a, const T* b, const T* bias, T* c, T*, Stream) {
  for (int64_t i = 0; i < d.batch; ++i, a += int64_t(d.M) * d.K, b += int64_t(d.K) * d.N, c += int64_t(d.M) * d.N)
    for (int64_t m = 0; m < d.M; ++m)
      for (int64_t n = 0; n < d.N; ++n) {
        T sum = 0;
        for (int64_t k = 0; k < d.K; ++k)
          sum += (d.trans_a ? a[k * d.M + m] : a[m * d.K + k]) * (d.trans_b ? b[n * d.K + k] : b[k * d.N + n]);
        c[m * d.N + n] = bias ? sum + bias[n] : sum;
      }
}

}  // namespace limbic
