// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/reduce/reduce.h"

namespace limbic {

template <class T>
void reduce_fwd_v0_reference(const ReduceDims& d, const T* x, T* y, int32_t* argmax, T*, Stream) {
  for (int64_t o = 0; o < d.outer; ++o)
    for (int64_t i = 0; i < d.inner; ++i) {
      const T* column = x + o * d.n * d.inner + i;
      double sum = 0;
      int64_t best = 0;
      for (int64_t k = 0; k < d.n; ++k) {
        const T value = column[k * d.inner], top = column[best * d.inner];
        sum += value;
        if (value > top || (value != value && top == top)) best = k;
      }
      const int64_t out = o * d.inner + i;
      if (d.kind == ReduceKind::max) {
        y[out] = column[best * d.inner];
        if (argmax) argmax[out] = static_cast<int32_t>(best);
      } else {
        y[out] = T(d.kind == ReduceKind::mean ? sum / double(d.n) : sum);
      }
    }
}

template <class T>
void reduce_bwd_v0_reference(const ReduceDims& d, const T* dy, const int32_t* argmax, T* dx, T*, Stream) {
  for (int64_t o = 0; o < d.outer; ++o)
    for (int64_t k = 0; k < d.n; ++k)
      for (int64_t i = 0; i < d.inner; ++i) {
        const int64_t out = o * d.inner + i;
        T value = dy[out];
        if (d.kind == ReduceKind::mean) value /= T(d.n);
        if (d.kind == ReduceKind::max && argmax[out] != k) value = 0;
        dx[(o * d.n + k) * d.inner + i] = value;
      }
}

}  // namespace limbic
