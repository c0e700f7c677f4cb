// SPDX-License-Identifier: Apache-2.0
// tests/kernels/bf16.h for CUDA rungs.
#pragma once
#include "tests/gpu/device.h"
#include "tests/kernels/bf16.h"

namespace limbic::test {

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
