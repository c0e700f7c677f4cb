// SPDX-License-Identifier: Apache-2.0
#include "kernels/isa.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace limbic {
namespace {

Isa best_isa() {
  if (isa_supported(Isa::avx512)) return Isa::avx512;
  if (isa_supported(Isa::avx2)) return Isa::avx2;
  return Isa::reference;
}

std::atomic<int> forced{-1};

}  // namespace

const char* isa_name(Isa isa) {
  constexpr const char* names[] = {"reference", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::reference:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  }
  return false;
}

const char* select_isa(const char* name) {
  for (Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
    if (std::strcmp(name, isa_name(isa)) != 0) continue;
    if (!isa_supported(isa)) return "this CPU does not have it";
    forced = static_cast<int>(isa);
    return nullptr;
  }
  return "expected avx512, avx2 or reference";
}

Isa active_isa() {
  int isa = forced.load(std::memory_order_relaxed);
  if (isa < 0) {
    // An LIMBIC_ISA that cannot be served is reported by the program's main; a library user gets the best there is.
    const char* wanted = std::getenv("LIMBIC_ISA");
    if (!wanted || select_isa(wanted)) forced = static_cast<int>(best_isa());
    isa = forced.load(std::memory_order_relaxed);
  }
  return static_cast<Isa>(isa);
}

}  // namespace limbic
