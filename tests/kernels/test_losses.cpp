// SPDX-License-Identifier: Apache-2.0
// softmax, cross_entropy and bce.
#include "tests/kernels/cases_training.h"

using namespace limbic;
using namespace limbic::test;

namespace {

double* const none = nullptr;

}  // namespace

TEST_CASE("softmax: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"softmax", "fwd"}, softmax_problems, softmax_fwd_rungs(), softmax_fwd_v0_reference<double>, {2e-6, 1e-7},
              softmax::inputs, softmax::forward);
  check_rungs({"softmax", "bwd"}, softmax_problems, softmax_bwd_rungs(), softmax_bwd_v0_reference<double>, {2e-6, 1e-6},
              softmax::inputs, softmax::backward);
}

TEST_CASE("softmax: v0's gradients are those of its forward") {
  for (const auto& [name, d] : softmax_problems) {
    auto in = widened(softmax::inputs(d));
    in[1] = softmax::forward(d, softmax_fwd_v0_reference<double>, in, none)[0];
    const auto grads = softmax::backward(d, softmax_bwd_v0_reference<double>, in, none);
    check_gradient({"softmax", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
      return softmax::forward(d, softmax_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("cross_entropy: every rung agrees with f64, with the same bits everywhere") {
  for (const bool weighted : {false, true}) {
    check_rungs({"cross_entropy", "fwd"}, cross_entropy_problems, cross_entropy_fwd_rungs(),
                cross_entropy_fwd_v0_reference<double>, {2e-6, 1e-6}, test::cross_entropy::inputs,
                test::cross_entropy::forward(weighted));
    check_rungs({"cross_entropy", "bwd"}, cross_entropy_problems, cross_entropy_bwd_rungs(),
                cross_entropy_bwd_v0_reference<double>, {2e-6, 1e-6}, test::cross_entropy::inputs,
                test::cross_entropy::backward(weighted));
  }
}

TEST_CASE("cross_entropy: v0's gradients are those of its forward") {
  for (const bool weighted : {false, true}) {
    for (const auto& [name, d] : cross_entropy_problems) {
      const auto in = widened(test::cross_entropy::inputs(d));
      const auto grads = test::cross_entropy::backward(weighted)(d, cross_entropy_bwd_v0_reference<double>, in, none);
      check_gradient({"cross_entropy", "bwd"}, name, in, 0, in[3], grads[0], [&](const Tensors<double>& moved) {
        return test::cross_entropy::forward(weighted)(d, cross_entropy_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("bce: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"bce", "fwd"}, bce_problems, bce_fwd_rungs(), bce_fwd_v0_reference<double>, {1e-6, 1e-7},
              test::bce::inputs, test::bce::forward);
  check_rungs({"bce", "bwd"}, bce_problems, bce_bwd_rungs(), bce_bwd_v0_reference<double>, {1e-6, 1e-7},
              test::bce::inputs, test::bce::backward);
}

TEST_CASE("bce: v0's gradients are those of its forward") {
  for (const auto& [name, d] : bce_problems) {
    const auto in = widened(test::bce::inputs(d));
    const auto grads = test::bce::backward(d, bce_bwd_v0_reference<double>, in, none);
    check_gradient({"bce", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
      return test::bce::forward(d, bce_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("bce: certain and wrong costs 100, certain and right nothing") {
  const std::vector<float> p{0, 1, 0, 1}, t{1, 0, 0, 1};
  for (const auto& rung : bce_fwd_rungs()) {
    if (!serves(rung, {4}, Device::cpu, active_isa())) continue;
    std::vector<float> loss(4);
    rung.run[static_cast<int>(active_isa())]({4}, p.data(), t.data(), loss.data(), {});
    CHECK(loss == std::vector<float>{100, 100, 0, 0});
  }
}
