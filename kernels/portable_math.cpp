// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable_math.h"

#include <cmath>

namespace limbic {
namespace {

constexpr double tau = 6.283185307179586476925;
constexpr double ln2_high = 6.93147180369123816490e-01;  // 33 bits: an integer times it is exact
constexpr double ln2_low = 1.90821492927058770002e-10;

}  // namespace

SinCos portable_sincos(double turns) {
  const double quarters = std::floor(4 * turns + 0.5);
  const double x = tau * (turns - 0.25 * quarters);  // |x| <= pi/4: the series below end at 1e-18
  const double x2 = x * x;
  double s = 0, c = 0;
  for (int i = 17; i >= 3; i -= 2) s = (1 + s) * -x2 / (i * (i - 1));
  for (int i = 18; i >= 2; i -= 2) c = (1 + c) * -x2 / (i * (i - 1));
  s = x + x * s;
  c = 1 + c;
  switch (static_cast<long long>(quarters) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

double portable_exp(double x) {
  const double k = std::floor(x * 1.44269504088896340736 + 0.5);
  const double r = (x - k * ln2_high) - k * ln2_low;  // |r| <= ln2 / 2
  double sum = 0;
  for (int i = 14; i >= 1; --i) sum = (1 + sum) * r / i;
  return std::ldexp(1 + sum, static_cast<int>(k));
}

double portable_log(double x) {
  int k = 0;
  double m = std::frexp(x, &k);  // [0.5, 1)
  if (m < 0.70710678118654752440) m *= 2, --k;
  const double s = (m - 1) / (m + 1), s2 = s * s;  // log m = 2 artanh s, |s| <= 0.172
  double sum = 0;
  for (int i = 23; i >= 3; i -= 2) sum = (1.0 / i + sum) * s2;
  return k * ln2_high + (k * ln2_low + (2 * s + 2 * s * sum));
}

}  // namespace limbic
