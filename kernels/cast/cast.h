// SPDX-License-Identifier: Apache-2.0
// From one type of storage to another: f32 to bf16, rounded to the nearest and ties to even, and back, which is exact.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

struct CastDims {
  int64_t n;
};

using CastNarrow = void(const CastDims&, const float* x, bf16* y, Stream);
using CastWiden = void(const CastDims&, const bf16* x, float* y, Stream);

std::span<const Rung<CastDims, CastNarrow>> cast_narrow_rungs();
std::span<const Rung<CastDims, CastWiden>> cast_widen_rungs();

}  // namespace limbic
