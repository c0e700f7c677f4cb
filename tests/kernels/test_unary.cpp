// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/bf16.h"
#include "tests/kernels/cases.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::unary;

TEST_CASE("unary: every rung agrees with f64, with the same bits everywhere") {
  for (const Unary kind : kinds) {
    INFO("kind " << static_cast<int>(kind));
    check_rungs({"unary", "fwd"}, problems_of(kind), unary_fwd_rungs(), unary_fwd_v0_reference<double>, {1e-6, 1e-7},
                inputs, forward);
    check_rungs({"unary", "bwd"}, problems_of(kind), unary_bwd_rungs(), unary_bwd_v0_reference<double>, {1e-6, 1e-7},
                inputs, backward);
  }
}

TEST_CASE("unary: every rung of numbers stored in bf16 agrees with f64, with the bits of f32 rounded") {
  for (const Unary kind : kinds) {
    INFO("kind " << static_cast<int>(kind));
    check_bf16_rungs({"unary", "fwd_bf16"}, problems_of(kind), unary_fwd_rungs(StoredAs<bf16>{}), unary_fwd_rungs(),
                     unary_fwd_v0_reference<double>, Tolerance{1e-6, 1e-7}, inputs, {0}, forward, {0});
  }
}

TEST_CASE("unary: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const Unary kind : kinds) {
    for (const auto& [name, d] : problems_of(kind)) {
      Tensors<double> in = widened(inputs(d));
      in[1] = forward(d, unary_fwd_v0_reference<double>, in, none)[0];
      const auto grads = backward(d, unary_bwd_v0_reference<double>, in, none);
      if (d.n > 5000) continue;
      check_gradient({"unary", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
        return forward(d, unary_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("unary: every function keeps a NaN in every rung") {
  for (const Unary kind : kinds) {
    const UnaryDims d{20, kind, 0.5f};
    for (const auto& rung : unary_fwd_rungs()) {
      for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
        if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
        std::vector<float> x(20, NAN), y(20, 0.0f);
        rung.run[static_cast<int>(isa)](d, x.data(), y.data(), {});
        INFO("kind " << static_cast<int>(kind) << ", " << rung.name << " " << isa_name(isa));
        CHECK(std::isnan(y[0]));
        CHECK(std::isnan(y[19]));
      }
    }
  }
}
