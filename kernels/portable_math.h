// SPDX-License-Identifier: Apache-2.0
// Sine, cosine, exp and log in f64 from + - * / alone. A C library picks other code on other CPUs and its last bit
// moves; tables and random numbers made from these are the same on every machine. For set-up code, not for hot loops.
#pragma once

namespace limbic {

struct SinCos {
  double sin, cos;
};

/// sin and cos of 2 pi `turns`, within 2e-16 for |turns| < 2^40; exact at multiples of a quarter turn.
SinCos portable_sincos(double turns);

double portable_exp(double x);  ///< relative error below 1e-15; |x| <= 700
double portable_log(double x);  ///< natural logarithm of a normal x > 0, error below 1e-15 * max(1, |log x|)

}  // namespace limbic
