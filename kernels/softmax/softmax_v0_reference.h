// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/softmax/softmax.h"

namespace limbic {

template <class T>
void softmax_fwd_v0_reference(const SoftmaxDims& d, const T* x, T* y, Stream) {
  for (int64_t r = 0; r < d.rows; ++r, x += d.C, y += d.C) {
    double top = d.C > 0 ? x[0] : 0, sum = 0;
    for (int c = 0; c < d.C; ++c) top = std::max<double>(top, x[c]);
    for (int c = 0; c < d.C; ++c) sum += std::exp(x[c] - top);
    for (int c = 0; c < d.C; ++c) y[c] = T(d.log ? x[c] - top - std::log(sum) : std::exp(x[c] - top) / sum);
  }
}

template <class T>
void softmax_bwd_v0_reference(const SoftmaxDims& d, const T* y, const T* dy, T* dx, Stream) {
  for (int64_t r = 0; r < d.rows; ++r, y += d.C, dy += d.C, dx += d.C) {
    double sum = 0;
    for (int c = 0; c < d.C; ++c) sum += d.log ? dy[c] : dy[c] * y[c];
    for (int c = 0; c < d.C; ++c) dx[c] = T(d.log ? dy[c] - std::exp(y[c]) * sum : y[c] * (dy[c] - sum));
  }
}

}  // namespace limbic
