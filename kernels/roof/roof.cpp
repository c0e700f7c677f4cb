// SPDX-License-Identifier: Apache-2.0
#include "kernels/roof/roof.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "kernels/memory.h"
#include "kernels/parallel.h"

namespace limbic {
namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void keep(float value) { asm volatile("" : : "x"(value)); }  // the work must not be optimised away

template <class Work>
double best_rate(int repeats, const Work& work) {  // work(): how much was done
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    const double start = seconds(), done = work();
    best = std::max(best, done / (seconds() - start));
  }
  return best;
}

// What the reference rungs are compiled for: any x86-64 has registers of four floats, and multiplies and adds apart.
using Four [[gnu::vector_size(16)]] = float;

float plain_fma(int64_t rounds, double* flop) {
  constexpr int chains = 12;
  Four chain[chains] = {};
  const Four a = Four{} + 0.999f, b = Four{} + 1e-3f;
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (Four& c : chain) c = c * a + b;
  }
  *flop = static_cast<double>(rounds) * chains * 8;
  Four total = chain[0];
  for (int c = 1; c < chains; ++c) total += chain[c];
  return total[0] + total[1] + total[2] + total[3];
}

float plain_read(const float* x, int64_t n) {
  Four part[4] = {};
  for (int64_t i = 0; i + 16 <= n; i += 16) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      Four next;
      std::memcpy(&next, x + i + 4 * k, sizeof next);
      part[k] += next;
    }
  }
  const Four total = (part[0] + part[1]) + (part[2] + part[3]);
  return total[0] + total[1] + total[2] + total[3];
}

}  // namespace

Roof measure_roof() {
  FmaRounds* const fmas[] = {plain_fma, avx2::roof_fma, avx512::roof_fma};
  ReadAll* const reads[] = {plain_read, avx2::roof_read, avx512::roof_read};
  FmaRounds* const fma = fmas[static_cast<int>(active_isa())];
  ReadAll* const read = reads[static_cast<int>(active_isa())];
  const int workers = threads();

  Roof roof;
  roof.gflops = best_rate(10, [&] {
    double flop = 0;
    parallel_for(workers, [&](int64_t i) {
      double mine;
      keep(fma(1 << 20, &mine));
      if (i == 0) flop = mine * workers;
    });
    return flop / 1e9;
  });
  const int64_t n = int64_t{64} << 20;  // 256 MiB: far beyond any cache
  float* const block = static_cast<float*>(host_allocate(n * sizeof(float)));
  std::memset(block, 0, n * sizeof(float));
  roof.gbytes = best_rate(5, [&] {
    parallel_for(workers, [&](int64_t i) { keep(read(block + i * (n / workers), n / workers)); });
    return static_cast<double>(n) * sizeof(float) / 1e9;
  });
  host_release(block, n * sizeof(float));
  trim_memory();
  return roof;
}

}  // namespace limbic
