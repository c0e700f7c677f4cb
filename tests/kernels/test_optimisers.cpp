// SPDX-License-Identifier: Apache-2.0
// adam, sgd, moving_average and sum_squares.
#include "tests/kernels/cases_training.h"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("adam: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"adam", "step"}, adam_problems, adam_step_rungs(), adam_step_v0_reference<double>, {1e-6, 1e-6},
              test::adam::inputs, test::adam::step);
}

TEST_CASE("adam: three steps from zero are those of the paper") {
  // Kingma and Ba 2015, algorithm 1, on one weight by hand in f64
  for (const auto& rung : adam_step_rungs()) {
    if (rung.device != Device::cpu || !rung.run[static_cast<int>(active_isa())]) continue;
    float w = 1, m = 0, v = 0;
    double w_true = 1, m_true = 0, v_true = 0;
    for (int64_t t = 1; t <= 3; ++t) {
      const float g = 0.1f * static_cast<float>(t);
      rung.run[static_cast<int>(active_isa())]({1, 0.01, 0.9, 0.999, 1e-8, 0, false, false, t}, &w, &g, &m, &v, nullptr,
                                               {});
      m_true = 0.9 * m_true + 0.1 * g;
      v_true = 0.999 * v_true + 0.001 * g * g;
      w_true -= 0.01 * (m_true / (1 - std::pow(0.9, t))) / (std::sqrt(v_true / (1 - std::pow(0.999, t))) + 1e-8);
      CHECK(w == Approx(w_true).epsilon(1e-6));
      CHECK(v == Approx(v_true).epsilon(1e-6));
    }
  }
}

TEST_CASE("sgd: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"sgd", "step"}, sgd_problems, sgd_step_rungs(), sgd_step_v0_reference<double>, {1e-6, 1e-6},
              test::sgd::inputs, test::sgd::step);
}

TEST_CASE("moving_average: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"moving_average", "step"}, moving_average_problems, moving_average_step_rungs(),
              moving_average_step_v0_reference<double>, {1e-6, 1e-7}, test::moving_average::inputs,
              test::moving_average::step);
}

TEST_CASE("sum_squares: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"sum_squares", "fwd"}, sum_squares_problems, sum_squares_fwd_rungs(),
              sum_squares_fwd_v0_reference<double>, {1e-6, 1e-7}, test::sum_squares::inputs,
              test::sum_squares::forward);
}
