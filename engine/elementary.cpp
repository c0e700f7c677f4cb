// SPDX-License-Identifier: Apache-2.0
#include "engine/elementary.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace limbic {

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(z), z = (m-1)/(m+1), |z| < 0.172, by its series.
double portable_log(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) m *= 0.5, ++exponent;
  const double z = (m - 1) / (m + 1), z2 = z * z;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = std::fma(series, z2, 1.0 / k);
  return std::fma(exponent, 0.69314718055994531, 2 * z * series);
}

// Folded to a quarter turn, then the series of cosine or sine up to pi/4.
double portable_cos_2pi(double x) {
  const double turn = std::fabs(x - std::floor(x + 0.5));  // in [0, 1/2]
  const bool negative = turn > 0.25;
  const double quarter = negative ? 0.5 - turn : turn;  // in [0, 1/4]
  double y;
  if (quarter <= 0.125) {
    const double a2 = (6.283185307179586 * quarter) * (6.283185307179586 * quarter);
    y = 1;
    for (int k = 18; k >= 2; k -= 2) y = 1 - y * a2 / (k * (k - 1));
  } else {
    const double a = 6.283185307179586 * (0.25 - quarter);
    y = 1;
    for (int k = 19; k >= 3; k -= 2) y = 1 - y * (a * a) / (k * (k - 1));
    y *= a;
  }
  return negative ? -y : y;
}

}  // namespace limbic
