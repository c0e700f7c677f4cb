// SPDX-License-Identifier: Apache-2.0
// Logarithm and cosine from +, *, / and sqrt alone, so that their bits are the same on every machine (libm's are not).
// In double, good to about 1e-15 relative; used where a few numbers are made: initial weights, learning rates.
#pragma once

namespace limbic {

double portable_log(double x);      ///< natural logarithm, x > 0 and normal
double portable_cos_2pi(double x);  ///< cos(2 pi x), |x| < 2^31

}  // namespace limbic
