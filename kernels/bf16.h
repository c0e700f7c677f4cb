// SPDX-License-Identifier: Apache-2.0
// bfloat16, the upper half of a float, as a type that numbers are stored in: 8 significant bits, a float's exponents.
// Nothing computes in it.
#pragma once
#include <cstdint>

namespace limbic {

struct bf16 {
  uint16_t bits;
};

/// Exact.
[[gnu::always_inline]] inline float widen(bf16 x) { return __builtin_bit_cast(float, uint32_t{x.bits} << 16); }

/// To the nearest, ties to even; what is too large becomes infinite, a NaN stays one.
[[gnu::always_inline]] inline bf16 narrow(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return {static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : nearest)};
}

/// Other numbers are as wide as they are computed with.
[[gnu::always_inline]] inline float widen(float x) { return x; }
[[gnu::always_inline]] inline double widen(double x) { return x; }

/// What numbers stored as T are computed in: float for bf16.
template <class T>
using Wide = decltype(widen(T{}));

template <class T>
[[gnu::always_inline]] inline T stored_as(Wide<T> x) {
  if constexpr (sizeof(T) == sizeof(bf16)) {
    return narrow(x);
  } else {
    return x;
  }
}

/// Picks, among functions of one name, those for numbers that are stored as T: float or bf16.
template <class T>
struct StoredAs {
  using Type = T;
};

}  // namespace limbic
