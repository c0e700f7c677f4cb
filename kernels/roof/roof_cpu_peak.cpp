// SPDX-License-Identifier: Apache-2.0
#include "kernels/roof/roof.h"
#include "kernels/simd.h"

namespace limbic::LIMBIC_ISA {

float roof_fma(int64_t rounds, double* flop) {
  // Enough independent chains to cover the latency, few enough for the registers of either instruction set.
  constexpr int chains = 6;
  f32x16 chain[chains][2];
  for (auto& pair : chain) pair[0] = broadcast(0.0f), pair[1] = broadcast(0.0f);
  const f32x16 a = broadcast(0.999f), b = broadcast(1e-3f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 6
    for (int c = 0; c < chains; ++c) {
      chain[c][0] = fma(chain[c][0], a, b);
#ifdef LIMBIC_ISA_avx512
      chain[c][1] = fma(chain[c][1], a, b);
#endif
    }
  }
#ifdef LIMBIC_ISA_avx512
  *flop = static_cast<double>(rounds) * chains * 2 * 32;
#else
  *flop = static_cast<double>(rounds) * chains * 32;
#endif
  f32x16 total = chain[0][0];
  for (int c = 1; c < chains; ++c) total = total + chain[c][0];
  for (int c = 0; c < chains; ++c) total = total + chain[c][1];
  return sum(total);
}

float roof_read(const float* x, int64_t n) {
  f32x16 part[4] = {broadcast(0.0f), broadcast(0.0f), broadcast(0.0f), broadcast(0.0f)};
  for (int64_t i = 0; i + 64 <= n; i += 64) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) part[k] = part[k] + load(x + i + 16 * k);
  }
  return sum((part[0] + part[1]) + (part[2] + part[3]));
}

}  // namespace limbic::LIMBIC_ISA
