// SPDX-License-Identifier: Apache-2.0
// Which instruction set the CPU rungs use. Results do not depend on it; speed does.
#pragma once

namespace limbic {

enum class Isa { reference = 0, avx2 = 1, avx512 = 2 };

const char* isa_name(Isa isa);

/// True where this CPU (and its operating system) can run `isa`.
bool isa_supported(Isa isa);

/// The instruction set in force: the one LIMBIC_ISA or select_isa() named, else the best this CPU has.
Isa active_isa();

/// Forces an instruction set by name: "avx512", "avx2" or "reference". Returns nullptr, or why it cannot be.
const char* select_isa(const char* name);

}  // namespace limbic

/// Declares a function that exists once per instruction set, as limbic::avx2::f and limbic::avx512::f.
#define LIMBIC_EACH_ISA(...) \
  namespace avx2 {           \
  __VA_ARGS__                \
  }                          \
  namespace avx512 {         \
  __VA_ARGS__                \
  }
