// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/moving_average/moving_average.h"

namespace limbic {

template <class T>
void moving_average_step_v0_reference(const MovingAverageDims& d, const T* x, T* running, Stream) {
  const T rate = d.rate, kept = 1 - rate, factor = d.factor;
  for (int64_t i = 0; i < d.n; ++i) running[i] = kept * running[i] + rate * (factor * x[i]);
}

}  // namespace limbic
