// SPDX-License-Identifier: Apache-2.0
// Filling and comparing tensors in kernel tests: a failure names the worst element, and a comparison that cannot fail
// (nothing but zeros, NaN against NaN) fails.
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

namespace limbic {

/// Whole numbers in [-4, 4]: their sums of products are exact in f32, in any order.
inline std::vector<float> whole_numbers(int64_t n, uint64_t seed) {
  std::vector<float> v(n);
  for (int64_t i = 0; i < n; ++i) v[i] = std::floor(philox_uniform(seed, 0, i) * 9) - 4;
  return v;
}

inline std::vector<float> uniform(int64_t n, uint64_t seed) {
  std::vector<float> v(n);
  for (int64_t i = 0; i < n; ++i) v[i] = philox_uniform(seed, 1, i) * 2 - 1;
  return v;
}

inline std::vector<double> doubles(const std::vector<float>& v) { return {v.begin(), v.end()}; }

inline std::vector<double> magnitudes(const std::vector<float>& v) {
  std::vector<double> m(v.size());
  for (size_t i = 0; i < v.size(); ++i) m[i] = std::fabs(double(v[i]));
  return m;
}

/// Fails with `what` and the worst element unless |found - expected| <= tolerance everywhere (one value, or one each).
inline void check_close(const std::string& what, const std::vector<float>& found, const std::vector<double>& expected,
                        const std::vector<double>& tolerance) {
  REQUIRE(found.size() == expected.size());
  size_t worst = 0, zeros = 0;
  double excess = -1;
  for (size_t i = 0; i < found.size(); ++i) {
    const double limit = tolerance.size() == 1 ? tolerance[0] : tolerance[i];
    const double error = std::fabs(found[i] - expected[i]);
    zeros += expected[i] == 0;
    if (!(error - limit <= excess)) excess = std::isnan(error) ? INFINITY : error - limit, worst = i;
  }
  std::ostringstream text;
  text << what << ": element " << worst << " of " << found.size() << " is " << found[worst] << ", expected "
       << expected[worst] << ", allowed error " << (tolerance.size() == 1 ? tolerance[0] : tolerance[worst]);
  INFO(text.str());
  CHECK(excess <= 0);
  INFO("a comparison of zeros proves nothing: " << zeros << " of " << found.size());
  CHECK((found.size() < 100 || zeros <= found.size() / 100 * 99));
}

/// Root mean square and largest error as parts of the largest expected value: the bound for transformed arithmetic.
inline void check_close_to_peak(const std::string& what, const std::vector<float>& found,
                                const std::vector<double>& expected, double rms_limit, double max_limit) {
  REQUIRE(found.size() == expected.size());
  double squares = 0, largest = 0, peak = 0;
  size_t worst = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double error = std::fabs(found[i] - expected[i]);
    squares += error * error;
    peak = std::max(peak, std::fabs(expected[i]));
    if (!(error <= largest)) largest = std::isnan(error) ? INFINITY : error, worst = i;
  }
  INFO(what << ": worst element " << worst << " is " << found[worst] << ", expected " << expected[worst] << "; peak "
            << peak);
  CHECK(peak > 0);
  CHECK(std::sqrt(squares / found.size()) <= rms_limit * peak);
  CHECK(largest <= max_limit * peak);
}

inline void check_same_bits(const std::string& what, const float* found, const float* expected, int64_t n) {
  int64_t i = 0;
  while (i < n && std::memcmp(found + i, expected + i, sizeof(float)) == 0) ++i;
  if (i == n) return;
  INFO(what << ": first differing element " << i << " of " << n << ": " << found[i] << " and " << expected[i]);
  CHECK(i == n);
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

}  // namespace limbic
