// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv2d/conv2d_cpu.h"

namespace limbic {
namespace {

constexpr int max_taps = 32;  // along one side of the filter: the tap tables live on the stack

size_t blocks(int channels) { return static_cast<size_t>((channels + 15) / 16); }

}  // namespace

bool conv2d_supports_cpu_direct(const Conv2dDims& d) { return d.R <= max_taps && d.S <= max_taps; }

// [groups][K/16][R,S][C][16], the last block filled up with zeros
size_t conv2d_prepared_cpu_direct(const Conv2dDims& d) {
  return d.groups * blocks(d.K / d.groups) * 16 * d.R * d.S * (d.C / d.groups);
}

// the same with C and K exchanged
size_t conv2d_dx_scratch_cpu_direct(const Conv2dDims& d) {
  return d.groups * blocks(d.C / d.groups) * 16 * d.R * d.S * (d.K / d.groups);
}

// a zero-padded copy of x, for the thin inputs that are read across padding
size_t conv2d_dw_scratch_cpu_direct(const Conv2dDims& d) {
  const int Cg = d.C / d.groups;
  return Cg >= 16 ? 0 : static_cast<size_t>(d.N) * (d.H + 2 * d.pad_h) * (d.W + 2 * d.pad_w) * d.C;
}

size_t conv2d_prepared_size(const char* rung, const Conv2dDims& d) {
  return same_name(rung, "cpu_direct") ? conv2d_prepared_cpu_direct(d) : 0;
}

void conv2d_prepare(const char* rung, const Conv2dDims& d, const float* w, float* out) {
  const bool wide = active_isa() == Isa::avx512;
  if (same_name(rung, "cpu_direct"))
    (wide ? avx512::conv2d_prepare_cpu_direct : avx2::conv2d_prepare_cpu_direct)(d, w, out);
}

}  // namespace limbic
