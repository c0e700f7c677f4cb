// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/bf16.h"
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::batch_norm;

TEST_CASE("batch_norm: every rung agrees with f64, with the same bits everywhere") {
  for (const bool relu : {false, true}) {
    check_rungs({"batch_norm", "fwd"}, batch_norm_problems, batch_norm_fwd_rungs(), batch_norm_fwd_v0_reference<double>,
                {1e-5, 2e-5}, inputs, forward(relu));
    check_rungs({"batch_norm", "apply"}, batch_norm_problems, batch_norm_apply_rungs(),
                batch_norm_apply_v0_reference<double>, apply_bounds, running_inputs, apply(relu));
    for (const bool train : {false, true}) {
      check_rungs({"batch_norm", "bwd"}, batch_norm_problems, batch_norm_bwd_rungs(),
                  batch_norm_bwd_v0_reference<double>, {1e-5, 5e-6}, inputs, backward(relu, train));
    }
  }
}

TEST_CASE("batch_norm: every rung of maps stored in bf16 agrees with f64, with the bits of f32 rounded") {
  for (const bool relu : {false, true}) {
    check_bf16_rungs({"batch_norm", "apply_bf16"}, batch_norm_problems, batch_norm_apply_rungs(StoredAs<bf16>{}),
                     batch_norm_apply_rungs(), batch_norm_apply_v0_reference<double>, apply_bounds, running_inputs, {0},
                     apply(relu), {0});
  }
}

TEST_CASE("batch_norm: v0's gradients are those of its forward") {
  for (const auto& [name, d] : batch_norm_problems) {
    if (d.rows * d.C > 30000 || d.rows < 3) continue;  // two rows: the difference quotient itself is ill-conditioned
    for (const bool relu : {false, true}) {
      const auto in = widened(inputs(d));
      for (const bool train : {false, true}) {
        // train: mean and var as the f64 forward finds them, so that both sides are at the same point
        Tensors<double> point = in;
        const auto stats = forward(relu)(d, batch_norm_fwd_v0_reference<double>, in, static_cast<double*>(nullptr));
        point[4] = stats[0], point[5] = stats[1];
        const auto grads =
            backward(relu, train)(d, batch_norm_bwd_v0_reference<double>, point, static_cast<double*>(nullptr));
        const auto y = [&](const Tensors<double>& moved) {
          double* const none = nullptr;
          return train ? forward(relu)(d, batch_norm_fwd_v0_reference<double>, moved, none)[2]
                       : apply(relu)(d, batch_norm_apply_v0_reference<double>, moved, none)[0];
        };
        for (size_t i = 0; i < 3; ++i) check_gradient({"batch_norm", "bwd"}, name, point, i, in[3], grads[i], y);
      }
    }
  }
}

TEST_CASE("batch_norm: the variance survives a mean a thousand times larger than the deviation") {
  const BatchNormDims d{5000, 24};
  auto in = inputs(d);
  in[0] = uniform(d.rows * d.C, seed, 9, 999, 1001);
  const auto truth = forward(false)(d, batch_norm_fwd_v0_reference<double>, widened(in), static_cast<double*>(nullptr));
  for (const auto& rung : batch_norm_fwd_rungs()) {
    if (!serves(rung, d, Device::cpu, active_isa())) continue;
    std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0);
    const auto got = forward(false)(d, rung.run[static_cast<int>(active_isa())], in, scratch.data());
    CHECK(differs(got[1], truth[1], {1e-4, 0}) == "");
  }
}
