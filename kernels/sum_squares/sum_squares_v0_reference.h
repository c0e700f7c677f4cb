// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/sum_squares/sum_squares.h"

namespace limbic {

template <class T>
void sum_squares_fwd_v0_reference(const SumSquaresDims& d, const T* x, T* out, T*, Stream) {
  double sum = 0;
  for (int64_t i = 0; i < d.n; ++i) sum += double(x[i]) * double(x[i]);
  *out = T(sum);
}

}  // namespace limbic
