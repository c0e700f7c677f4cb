// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh, sigmoid and their neighbours on 16 lanes: polynomials of our own, so that every machine computes the
// same bits (libm does not promise that). Reduction and coefficients after Cephes (Moshier 1992), single precision.
// Largest error in units of the last place, over every 211th float whose result is a normal number: exp 0.99, expm1
// (x <= 0) 0.84, log 0.78, tanh 2.5, sigmoid 2.2; tests/kernels/test_simd_math.cpp holds them to it.
#pragma once
#include "kernels/simd.h"

namespace limbic::LIMBIC_ISA {

namespace math {

struct Reduced {
  f32x16 p;  ///< expm1(r), |r| <= ln(2)/2
  i32x16 n;  ///< x = n ln(2) + r
};

/// x within about [-150 ln 2, 129 ln 2].
LIMBIC_INLINE Reduced reduce_exp(f32x16 x) {
  const f32x16 n = round_to_even(x * broadcast(1.44269504088896341f));
  // ln(2) in two parts: n times the first is exact
  const f32x16 r = negative_fma(n, broadcast(-2.12194440e-4f), negative_fma(n, broadcast(0.693359375f), x));
  f32x16 p = broadcast(1.9875691500e-4f);
  p = fma(p, r, broadcast(1.3981999507e-3f));
  p = fma(p, r, broadcast(8.3334519073e-3f));
  p = fma(p, r, broadcast(4.1665795894e-2f));
  p = fma(p, r, broadcast(1.6666665459e-1f));
  p = fma(p, r, broadcast(5.0000001201e-1f));
  return {fma(p, r * r, r), to_int(n)};
}

/// p of log(1 + f) = f - f^2 / 2 + f^3 p(f), |f| <= sqrt(2) - 1, from the highest power down.
constexpr float log_polynomial[9] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                                     -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                     2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};

}  // namespace math

/// e^x. Overflows to inf, goes through the denormals to 0, keeps NaN.
LIMBIC_INLINE f32x16 exp(f32x16 x) {
  const math::Reduced e = math::reduce_exp(min(broadcast(89.0f), max(broadcast(-104.0f), x)));
  // 2^n in two factors: n may lie outside the exponents of normal numbers
  const i32x16 half = shift_right_signed<1>(e.n);
  return (e.p + broadcast(1.0f)) * power_of_two(half) * power_of_two(e.n - half);
}

/// e^x - 1 for x <= 0, precise near 0.
LIMBIC_INLINE f32x16 expm1_negative(f32x16 x) {
  const math::Reduced e = math::reduce_exp(max(broadcast(-80.0f), x));
  const f32x16 scale = power_of_two(e.n);
  return fma(scale, e.p, scale - broadcast(1.0f));
}

/// Natural logarithm: -inf at 0, NaN below, precise for denormals.
LIMBIC_INLINE f32x16 log(f32x16 x) {
  const mask16 denormal = x < broadcast(0x1p-126f);
  const f32x16 scaled = select(denormal, x * broadcast(0x1p23f), x);
  const i32x16 bits = bits_of(scaled);
  // x = 2^e * m with m in [sqrt(1/2), sqrt(2))
  const i32x16 offset = bits - broadcast_int(0x3F3504F3);
  f32x16 e = to_float(shift_right_signed<23>(offset));
  const f32x16 m = from_bits((offset & broadcast_int(0x007FFFFF)) + broadcast_int(0x3F3504F3));
  e = select(denormal, e - broadcast(23.0f), e);
  const f32x16 f = m - broadcast(1.0f), ff = f * f;
  f32x16 p = broadcast(math::log_polynomial[0]);
#pragma GCC unroll 8
  for (int i = 1; i < 9; ++i) p = fma(p, f, broadcast(math::log_polynomial[i]));
  f32x16 tail = fma(e, broadcast(-2.12194440e-4f), p * f * ff);
  tail = fma(ff, broadcast(-0.5f), tail);
  f32x16 result = fma(e, broadcast(0.693359375f), f + tail);
  const f32x16 inf = broadcast(__builtin_inff());
  result = select(x == inf, inf, result);
  result = select(x == zero(), -inf, result);
  return select((x < zero()) | is_nan(x), broadcast(__builtin_nanf("")), result);
}

/// log(1 + x), precise near 0.
LIMBIC_INLINE f32x16 log1p(f32x16 x) {
  const f32x16 one = broadcast(1.0f), u = one + x;
  const f32x16 lost = (x - (u - one)) / u;  // what rounding 1 + x dropped
  return select((u > zero()) & (u < broadcast(__builtin_inff())), log(u) + lost, log(u));
}

LIMBIC_INLINE f32x16 tanh(f32x16 x) {
  const f32x16 e = expm1_negative(abs(x) * broadcast(-2.0f));
  const f32x16 t = -e / (e + broadcast(2.0f));  // in [0, 1]
  return from_bits(bits_of(t) | (bits_of(x) & broadcast_int(INT32_MIN)));
}

LIMBIC_INLINE f32x16 sigmoid(f32x16 x) { return broadcast(1.0f) / (broadcast(1.0f) + exp(-x)); }

/// One number through a function of lanes.
LIMBIC_INLINE float log1(float x) {
  float out[lanes];
  store(out, log(broadcast(x)));
  return out[0];
}

}  // namespace limbic::LIMBIC_ISA
