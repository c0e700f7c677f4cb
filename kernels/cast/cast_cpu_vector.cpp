// SPDX-License-Identifier: Apache-2.0
// Plain loops over whole numbers, which the compiler turns into lanes.
#include "kernels/cast/cast.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

template <class Body>
[[gnu::always_inline]] inline void each(int64_t n, const Body& body) {
  parallel_for(ceil_div(n, task_elements), [&](int64_t task) {
    const int64_t end = smaller(n, (task + 1) * task_elements);
    for (int64_t i = task * task_elements; i < end; ++i) body(i);
  });
}

}  // namespace

void cast_narrow_cpu_vector(const CastDims& d, const float* x, bf16* y, Stream) {
  each(d.n, [=](int64_t i) { y[i] = narrow(x[i]); });
}

void cast_widen_cpu_vector(const CastDims& d, const bf16* x, float* y, Stream) {
  each(d.n, [=](int64_t i) { y[i] = widen(x[i]); });
}

}  // namespace limbic::LIMBIC_ISA
