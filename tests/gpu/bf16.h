// SPDX-License-Identifier: Apache-2.0
// How the rungs for maps stored in bf16 are held against f64: on inputs that are bf16 already, so that what they read
// is what the reference reads, and with results that may be off by their own rounding, half a unit in the 8th bit,
// besides what the arithmetic in f32 is allowed.
#pragma once
#include "tests/gpu/device.h"

namespace limbic::test {

inline float rounded(float x) { return widen(narrow(x)); }
inline std::vector<float> rounded(std::vector<float> x) {
  for (float& v : x) v = rounded(v);
  return x;
}

/// inputs(dims) of which those named in `stored` are rounded to bf16.
inline auto rounded_inputs(const auto& inputs, std::vector<size_t> stored) {
  return [=](const auto& d) {
    Tensors<float> in = inputs(d);
    for (const size_t i : stored) in[i] = rounded(in[i]);
    return in;
  };
}

/// A bound on f32 results becomes one on what is stored of them.
inline std::vector<double> and_rounding(std::vector<double> bound, const std::vector<double>& truth) {
  for (size_t i = 0; i < bound.size(); ++i) bound[i] += 0x1p-8 * (std::fabs(truth[i]) + bound[i]);
  return bound;
}

/// compare: every result within `allowed`, those named in `stored` and their rounding.
inline auto within_rounding(Pass pass, Tolerance allowed, std::vector<size_t> stored) {
  return [=](const auto& rung, const char* problem, const auto&, const Tensors<float>&, const Tensors<float>& got,
             const Tensors<double>& truth) {
    for (size_t i = 0; i < truth.size(); ++i) {
      double largest = 1;
      for (const double want : truth[i]) largest = std::max(largest, std::fabs(want));
      std::vector<double> bound;
      for (const double want : truth[i])
        bound.push_back(allowed.relative * std::fabs(want) + allowed.absolute * largest);
      if (std::find(stored.begin(), stored.end(), i) != stored.end()) bound = and_rounding(bound, truth[i]);
      report(pass, std::string(device_name(rung.device)) + " " + rung.name + ", result " + std::to_string(i), problem,
             exceeds(got[i], truth[i], bound));
    }
  };
}

}  // namespace limbic::test
