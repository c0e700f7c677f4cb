// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::binary;

TEST_CASE("binary: every rung agrees with f64, with the same bits everywhere") {
  for (const Binary kind : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::max}) {
    auto problems = std::to_array(binary_problems);
    for (auto& problem : problems) problem.dims.kind = kind;
    check_rungs({"binary", "fwd"}, problems, binary_fwd_rungs(), binary_fwd_v0_reference<double>, {1e-6, 1e-7}, inputs,
                forward);
    // the float v0 adds up 20000 terms one by one
    check_rungs({"binary", "bwd"}, problems, binary_bwd_rungs(), binary_bwd_v0_reference<double>, {1e-5, 1e-5}, inputs,
                backward);
  }
}

TEST_CASE("binary: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : binary_problems) {
    const auto in = widened(inputs(d));
    const auto grads = backward(d, binary_bwd_v0_reference<double>, in, none);
    for (size_t side = 0; side < 2; ++side) {
      check_gradient({"binary", "bwd"}, name, in, side, in[2], grads[side], [&](const Tensors<double>& moved) {
        return forward(d, binary_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("binary: equal inputs of a maximum share the gradient") {
  const auto& d = binary_problems[5].dims;  // [16] max [16]
  REQUIRE(d.kind == Binary::max);
  const std::vector<float> a(16, 2.0f), dy(16, 3.0f);
  for (const auto& rung : binary_bwd_rungs()) {
    if (!serves(rung, d, Device::cpu, active_isa())) continue;
    std::vector<float> da(16), db(16);
    rung.run[static_cast<int>(active_isa())](d, a.data(), a.data(), dy.data(), da.data(), db.data(), {});
    CHECK(da == std::vector<float>(16, 1.5f));
    CHECK(db == std::vector<float>(16, 1.5f));
  }
}
