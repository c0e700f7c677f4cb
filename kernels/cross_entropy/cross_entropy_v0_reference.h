// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/cross_entropy/cross_entropy.h"

namespace limbic {

/// log(sum_c exp(x_c)), safe from overflow.
template <class T>
double log_sum_exp(const T* x, int C) {
  double top = C > 0 ? x[0] : 0, sum = 0;
  for (int c = 0; c < C; ++c) top = std::max<double>(top, x[c]);
  for (int c = 0; c < C; ++c) sum += std::exp(x[c] - top);
  return top + std::log(sum);
}

template <class T>
void cross_entropy_fwd_v0_reference(const CrossEntropyDims& d, const T* logits, const T* targets, const T* class_weight,
                                    T* loss, T* weight_sum, Stream) {
  for (int64_t r = 0; r < d.rows; ++r, logits += d.C, targets += d.C) {
    const double lse = log_sum_exp(logits, d.C);
    double total = 0, weights = 0;
    for (int c = 0; c < d.C; ++c) {
      const double wt = (class_weight ? class_weight[c] : T(1)) * double(targets[c]);
      total += wt * (lse - logits[c]);
      weights += wt;
    }
    loss[r] = T(total);
    weight_sum[r] = T(weights);
  }
}

template <class T>
void cross_entropy_bwd_v0_reference(const CrossEntropyDims& d, const T* logits, const T* targets, const T* class_weight,
                                    const T* dloss, T* dlogits, Stream) {
  for (int64_t r = 0; r < d.rows; ++r, logits += d.C, targets += d.C, dlogits += d.C) {
    const double lse = log_sum_exp(logits, d.C);
    const auto wt = [&](int c) { return (class_weight ? class_weight[c] : T(1)) * double(targets[c]); };
    double weights = 0;
    for (int c = 0; c < d.C; ++c) weights += wt(c);
    for (int c = 0; c < d.C; ++c) dlogits[c] = T(dloss[r] * (std::exp(logits[c] - lse) * weights - wt(c)));
  }
}

}  // namespace limbic
