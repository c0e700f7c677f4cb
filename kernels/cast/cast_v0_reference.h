// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/cast/cast.h"

namespace limbic {

inline void cast_narrow_v0_reference(const CastDims& d, const float* x, bf16* y, Stream) {
  for (int64_t i = 0; i < d.n; ++i) y[i] = narrow(x[i]);
}

inline void cast_widen_v0_reference(const CastDims& d, const bf16* x, float* y, Stream) {
  for (int64_t i = 0; i < d.n; ++i) y[i] = widen(x[i]);
}

}  // namespace limbic
