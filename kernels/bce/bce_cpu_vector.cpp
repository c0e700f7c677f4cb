// SPDX-License-Identifier: Apache-2.0
#include "kernels/bce/bce.h"
#include "kernels/simd_math.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {

void bce_fwd_cpu_vector(const BceDims& d, const float* p, const float* target, float* loss, Stream) {
  const f32x16 one = broadcast(1.0f), floor_log = broadcast(-100.0f);
  for_each_vector(d.n, [&](int64_t i, auto at) {
    const f32x16 probability = at.get(p + i), t = at.get(target + i);
    const f32x16 log_p = max(floor_log, log(probability)), log_q = max(floor_log, log1p(-probability));
    at.put(loss + i, -fma(t, log_p, (one - t) * log_q));
  });
}

void bce_bwd_cpu_vector(const BceDims& d, const float* p, const float* target, const float* dloss, float* dp, Stream) {
  const f32x16 one = broadcast(1.0f), least = broadcast(1e-12f);
  for_each_vector(d.n, [&](int64_t i, auto at) {
    const f32x16 probability = at.get(p + i);
    const f32x16 spread = max(least, probability * (one - probability));
    at.put(dp + i, at.get(dloss + i) * (probability - at.get(target + i)) / spread);
  });
}

}  // namespace limbic::LIMBIC_ISA
