// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter goes in, four random
// words come out. The same (seed, stream, element) gives the same number on every device and at any thread count.
#pragma once
#include <cstdint>

namespace limbic {

struct Philox4 {
  uint32_t word[4];
};

/// Block `counter` of the sequence that belongs to (seed, stream).
constexpr Philox4 philox(uint64_t seed, uint64_t stream, uint64_t counter) {
  uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1), c3 = static_cast<uint32_t>(p0);
    c0 = n0, c2 = n2;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// A random word's upper 24 bits as a float in [0, 1): exact, so the same everywhere.
constexpr float philox_uniform(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

/// Element `index` of the uniform [0, 1) sequence of (seed, stream); four neighbours share one block.
constexpr float philox_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  return philox_uniform(philox(seed, stream, index >> 2).word[index & 3]);
}

}  // namespace limbic
