// SPDX-License-Identifier: Apache-2.0
// Sixteen Philox blocks at a time, so 64 elements: plain loops over 16 counters, which the compiler turns into lanes.
#include "kernels/dropout/dropout.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// The words of blocks first .. first + 15 of kernels/philox.h, in the order of the elements they belong to.
void philox_64(uint64_t seed, uint64_t stream, uint64_t first_block, int32_t words[64]) {
  uint32_t c0[16], c1[16], c2[16], c3[16];
  for (int i = 0; i < 16; ++i) {
    c0[i] = static_cast<uint32_t>(first_block + i), c1[i] = static_cast<uint32_t>((first_block + i) >> 32);
    c2[i] = static_cast<uint32_t>(stream), c3[i] = static_cast<uint32_t>(stream >> 32);
  }
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 16; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0[i], p1 = uint64_t{0xCD9E8D57u} * c2[i];
      c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<uint32_t>(p1), c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 16; ++i) {
    words[4 * i] = static_cast<int32_t>(c0[i]), words[4 * i + 1] = static_cast<int32_t>(c1[i]);
    words[4 * i + 2] = static_cast<int32_t>(c2[i]), words[4 * i + 3] = static_cast<int32_t>(c3[i]);
  }
}

}  // namespace

void dropout_fwd_cpu_vector(const DropoutDims& d, const float* x, float* y, Stream) {
  const f32x16 scale = broadcast(1.0f / (1.0f - d.p)), p = broadcast(d.p), unit = broadcast(0x1p-24f);
  parallel_for(ceil_div(d.n, task_elements), [&](int64_t task) {
    const int64_t end = smaller(d.n, (task + 1) * task_elements);
    int32_t words[64];
    for (int64_t i = task * task_elements; i < end; i += 64) {
      philox_64(d.seed, d.stream, static_cast<uint64_t>(i) / 4, words);
      vectors_of(i, smaller(end, i + 64), [&](int64_t at, auto lane) {
        const f32x16 uniform = to_float(shift_right<8>(load(words + (at - i)))) * unit;
        lane.put(y + at, select(uniform >= p, lane.get(x + at) * scale, zero()));
      });
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
