// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/dropout/dropout.h"
#include "kernels/philox.h"

namespace limbic {

template <class T>
void dropout_fwd_v0_reference(const DropoutDims& d, const T* x, T* y, Stream) {
  const T scale = T(1) / (T(1) - T(d.p));
  for (int64_t i = 0; i < d.n; ++i) {
    y[i] = philox_uniform(d.seed, d.stream, static_cast<uint64_t>(i)) >= d.p ? x[i] * scale : T(0);
  }
}

}  // namespace limbic
