// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::attention;

TEST_CASE("attention: every rung agrees with f64, for sequences of any length") {
  for (const bool with_lengths : {false, true}) {
    check_rungs({"attention", "fwd"}, attention_problems, attention_fwd_rungs(), attention_fwd_v0_reference<double>,
                {1e-5, 2e-6}, inputs(with_lengths), forward);
    check_rungs({"attention", "bwd"}, attention_problems, attention_bwd_rungs(), attention_bwd_v0_reference<double>,
                {1e-5, 5e-6}, inputs(with_lengths), backward);
  }
}

TEST_CASE("attention: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : attention_problems) {
    if (steps(d) * (d.A + d.E) > 30000 || steps(d) == 0) continue;
    for (const bool with_lengths : {false, true}) {
      auto in = widened(inputs(with_lengths)(d));
      for (const size_t i : {0, 3}) {
        for (double& x : in[i]) x = std::isnan(x) ? 1 : x;  // so that a difference of zero can be seen
      }
      const auto point = forward(d, attention_fwd_v0_reference<double>, in, none);
      for (size_t i = 0; i < 3; ++i) in[6 + i] = point[i];
      const auto grads = backward(d, attention_bwd_v0_reference<double>, in, none);
      const auto y = [&](const Tensors<double>& moved) {
        return forward(d, attention_fwd_v0_reference<double>, moved, none)[0];
      };
      for (size_t i = 0; i < 4; ++i) check_gradient({"attention", "bwd"}, name, in, i, in[5], grads[i], y);
    }
  }
}

TEST_CASE("attention: weights are a mean over the steps that count, and dropout draws what the dropout op draws") {
  const AttentionDims d{3, 20, 4, 5, 0.5f, 17, 3};
  const auto in = inputs(true)(d);
  const auto out = forward(d, attention_fwd_v0_reference<float>, in, static_cast<float*>(nullptr));
  const DropoutDims dropout{steps(d), d.p, d.seed, d.stream};
  std::vector<float> dropped(static_cast<size_t>(steps(d)));
  dropout_fwd_v0_reference<float>(dropout, out[1].data(), dropped.data(), {});
  for (int n = 0; n < d.N; ++n) {
    const int length = static_cast<int>(in[4][n]);
    float sum = 0;
    for (int t = 0; t < d.T; ++t) {
      const size_t i = static_cast<size_t>(n) * d.T + t;
      sum += out[2][i];
      if (t >= length) CHECK((out[1][i] == 0 && out[2][i] == 0));
      if (t >= length || t == 0) continue;
      const float ratio = std::exp(dropped[i] - dropped[i - 1]);
      CHECK(std::fabs(out[2][i] - ratio * out[2][i - 1]) <= 1e-6f);
    }
    CHECK(std::fabs(sum - 1) <= 1e-6f);
  }
}
