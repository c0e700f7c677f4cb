// SPDX-License-Identifier: Apache-2.0
// Filling and comparing tensors in kernel tests. A comparison returns an empty text or what is wrong: one line on the
// worst element. NaN never agrees, not even with NaN, and a tensor that is nearly all zeros proves nothing.
#pragma once
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/isa.h"
#include "kernels/philox.h"

namespace limbic::test {

/// Uniform numbers in [low, high), the same on every machine.
inline std::vector<float> uniform(int64_t n, uint64_t key, uint64_t stream = 0, float low = -1, float high = 1) {
  std::vector<float> x(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    x[static_cast<size_t>(i)] = low + (high - low) * philox_uniform(key, stream, static_cast<uint64_t>(i));
  }
  return x;
}

/// Whole numbers in [-4, 4]: their sums of products are exact in f32, in any order.
inline std::vector<float> whole_numbers(int64_t n, uint64_t key) {
  std::vector<float> x = uniform(n, key, 0, 0, 9);
  for (float& v : x) v = std::floor(v) - 4;
  return x;
}

inline std::vector<double> doubles(const std::vector<float>& v) { return {v.begin(), v.end()}; }

inline std::vector<double> magnitudes(const std::vector<float>& v) {
  std::vector<double> m = doubles(v);
  for (double& x : m) x = std::fabs(x);
  return m;
}

/// |got - want| <= bound, element by element.
template <class T, class U>
std::string exceeds(const std::vector<T>& got, const std::vector<U>& want, const std::vector<double>& bound) {
  std::ostringstream out;
  out.precision(9);
  if (got.size() != want.size() || want.size() != bound.size()) {
    out << got.size() << " elements, expected " << want.size() << " within " << bound.size() << " bounds";
    return out.str();
  }
  double worst = 0;
  size_t where = 0, zeros = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    zeros += want[i] == 0;
    const double error = std::fabs(double(got[i]) - double(want[i]));
    const double excess = error == 0 ? 0 : error / bound[i];
    if (!(excess <= worst) && !std::isnan(worst)) worst = excess, where = i;  // a NaN is the worst there is
  }
  if (want.size() >= 64 && zeros > want.size() * 0.99) return "over 99 % of the expected values are zeros";
  if (worst <= 1) return {};
  out << "element " << where << " of " << want.size() << ": got " << got[where] << ", expected " << want[where] << " ("
      << worst << " times the tolerance)";
  return out.str();
}

/// |got - want| <= relative * |want| + absolute * max(1, largest |want|).
struct Tolerance {
  double relative, absolute;
};

template <class T, class U>
std::string differs(const std::vector<T>& got, const std::vector<U>& want, Tolerance allowed) {
  double largest = 1;
  for (const U w : want) largest = std::max(largest, std::fabs(double(w)));
  std::vector<double> bound;
  for (const U w : want) bound.push_back(allowed.relative * std::fabs(double(w)) + allowed.absolute * largest);
  return exceeds(got, want, bound);
}

/// Root mean square and largest error as parts of the largest expected value: the bound for transformed arithmetic.
inline std::string exceeds_of_peak(const std::vector<float>& got, const std::vector<double>& want, double rms_limit,
                                   double max_limit) {
  double squares = 0, peak = 0;
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    const double error = std::fabs(got[i] - want[i]);
    squares += error * error;
    peak = std::max(peak, std::fabs(want[i]));
  }
  const std::string wrong = exceeds(got, want, std::vector<double>(want.size(), max_limit * peak));
  const double rms = std::sqrt(squares / double(want.size()));
  if (!wrong.empty() || rms <= rms_limit * peak) return wrong;
  std::ostringstream out;
  out << "root mean square error " << rms << " at a peak of " << peak;
  return out.str();
}

/// Empty if all bits are equal; else the first element whose are not.
inline std::string other_bits(const float* got, const float* want, int64_t n) {
  int64_t i = 0;
  while (i < n && !std::memcmp(got + i, want + i, sizeof(float))) ++i;
  if (i == n) return {};
  std::ostringstream out;
  out.precision(9);
  out << "other bits in element " << i << " of " << n << ": " << got[i] << " and " << want[i];
  return out.str();
}
inline std::string other_bits(const std::vector<float>& got, const std::vector<float>& want) {
  if (got.size() != want.size()) return "other sizes";
  return other_bits(got.data(), want.data(), static_cast<int64_t>(got.size()));
}

/// Fails with `what` was compared and what is wrong with it, if anything is.
inline void expect_equal(const std::string& what, const std::string& wrong) {
  if (!wrong.empty()) FAIL_CHECK(what << ": " << wrong);
  SUCCEED();
}

/// The instruction sets of this CPU; those it lacks are named on the test's output.
inline std::vector<Isa> isas_here() {
  std::vector<Isa> list;
  for (Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
    if (isa_supported(isa)) {
      list.push_back(isa);
    } else {
      WARN("skipped: this CPU has no " << isa_name(isa));
    }
  }
  return list;
}

}  // namespace limbic::test
