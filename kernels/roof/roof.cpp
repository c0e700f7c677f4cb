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

}  // namespace

Roof measure_roof() {
  if (active_isa() == Isa::reference) return {1e-9, 1e-9};
  const bool wide = active_isa() == Isa::avx512;
  FmaRounds* const fma = wide ? avx512::roof_fma : avx2::roof_fma;
  ReadAll* const read = wide ? avx512::roof_read : avx2::roof_read;
  const int workers = threads();

  Roof roof;
  roof.gflops = 1e-9 * best_rate(10, [&] {
    double flop = 0;
    parallel_for(workers, [&](int64_t i) {
      double mine;
      keep(fma(1 << 20, &mine));
      if (i == 0) flop = mine * workers;
    });
    return flop;
  });
  const int64_t n = int64_t{64} << 20;  // 256 MiB: far beyond any cache
  float* const block = static_cast<float*>(host_allocate(n * sizeof(float)));
  std::memset(block, 0, n * sizeof(float));
  roof.gbytes = 1e-9 * best_rate(5, [&] {
    parallel_for(workers, [&](int64_t i) { keep(read(block + i * (n / workers), n / workers)); });
    return static_cast<double>(n) * sizeof(float);
  });
  host_release(block, n * sizeof(float));
  trim_memory();
  return roof;
}

}  // namespace limbic
