// SPDX-License-Identifier: Apache-2.0
// Blocks of fixed length, each summed in four sets of 16 lanes; the blocks' sums are added in order, in double.
#include "kernels/sum_squares/sum_squares.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {

void sum_squares_fwd_cpu_vector(const SumSquaresDims& d, const float* x, float* out, float* scratch, Stream) {
  const int64_t blocks = ceil_div(d.n, sum_squares_block);
  parallel_for(blocks, [&](int64_t block) {
    const int64_t end = smaller(d.n, (block + 1) * sum_squares_block);
    int64_t i = block * sum_squares_block;
    f32x16 a = zero(), b = zero(), c = zero(), e = zero();
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      const f32x16 xa = load(x + i), xb = load(x + i + 16), xc = load(x + i + 32), xe = load(x + i + 48);
      a = fma(xa, xa, a), b = fma(xb, xb, b), c = fma(xc, xc, c), e = fma(xe, xe, e);
    }
    vectors_of(i, end, [&](int64_t at, auto lane) {
      const f32x16 v = lane.get(x + at);
      a = fma(v, v, a);
    });
    scratch[block] = sum((a + b) + (c + e));
  });
  double total = 0;
  for (int64_t block = 0; block < blocks; ++block) total += scratch[block];
  *out = static_cast<float>(total);
}

}  // namespace limbic::LIMBIC_ISA
