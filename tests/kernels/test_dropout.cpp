// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("dropout: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"dropout", "fwd"}, dropout_problems, dropout_fwd_rungs(), dropout_fwd_v0_reference<double>, {1e-6, 0},
              test::dropout::inputs, test::dropout::forward);
}

TEST_CASE("dropout: keeps the share it should, everything at 0, nothing at 1") {
  const std::vector<float> x(100000, 1.0f);
  for (const auto& rung : dropout_fwd_rungs()) {
    if (!serves(rung, DropoutDims{1, 0, 0, 0}, Device::cpu, active_isa())) continue;
    for (const float p : {0.0f, 0.2f, 0.5f, 1.0f}) {
      std::vector<float> y(x.size(), NAN);
      rung.run[static_cast<int>(active_isa())]({100000, p, 3, 4}, x.data(), y.data(), {});
      double kept = 0;
      for (const float v : y) kept += v != 0;
      CHECK(kept / 1e5 == Approx(1 - p).margin(0.006));
    }
  }
}
