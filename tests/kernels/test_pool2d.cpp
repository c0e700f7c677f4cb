// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/bf16.h"
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::pool2d;

TEST_CASE("pool2d: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"pool2d", "fwd"}, pool2d_problems, pool2d_fwd_rungs(), pool2d_fwd_v0_reference<double>, {1e-6, 1e-6},
              inputs, forward);
  check_rungs({"pool2d", "bwd"}, pool2d_problems, pool2d_bwd_rungs(), pool2d_bwd_v0_reference<double>, {1e-6, 1e-6},
              inputs, backward);
  check_rungs({"pool2d", "train"}, pool2d_problems, pool2d_train_rungs(), pool2d_train_v0_reference<double>,
              {1e-6, 1e-6}, inputs_without_ties, train);
}

TEST_CASE("pool2d: every rung of maps stored in bf16 agrees with f64, with the bits of f32 rounded") {
  check_bf16_rungs({"pool2d", "fwd_bf16"}, pool2d_problems, pool2d_fwd_rungs(StoredAs<bf16>{}), pool2d_fwd_rungs(),
                   pool2d_fwd_v0_reference<double>, Tolerance{1e-6, 1e-6}, inputs, {0}, forward, {0});
}

TEST_CASE("pool2d: v0 forward and backward in one gives what the two give, whether indices are wanted or not") {
  for (auto [name, d] : pool2d_problems) {
    INFO(name);
    const Tensors<float> in = inputs(d);
    float* const none = nullptr;
    const Tensors<float> both = train(d, pool2d_train_v0_reference<float>, in, none);
    CHECK(both[0] == forward(d, pool2d_fwd_v0_reference<float>, in, none)[0]);
    CHECK(both[1] == backward(d, pool2d_bwd_v0_reference<float>, in, none)[0]);
  }
}

TEST_CASE("pool2d: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : pool2d_problems) {
    const auto in = widened(inputs(d));
    if (in[0].size() > 40000) continue;
    const auto grads = backward(d, pool2d_bwd_v0_reference<double>, in, none);
    check_gradient({"pool2d", "bwd"}, name, in, 0, in[1], grads[0], [&](const Tensors<double>& moved) {
      return forward(d, pool2d_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("pool2d: the first of equals wins, and a NaN wins over numbers") {
  const Pool2dDims d{1, 2, 2, 20, 2, 2, 2, 2, 0, 0, PoolKind::max};
  for (const auto& rung : pool2d_fwd_rungs()) {
    for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
      if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
      std::vector<float> x(80, 1.0f), y(20);
      std::vector<int32_t> argmax(20);
      x[2 * 20 + 3] = NAN;
      rung.run[static_cast<int>(isa)](d, x.data(), y.data(), argmax.data(), nullptr, {});
      CHECK(argmax[0] == 0);
      CHECK(argmax[3] == 2);
      CHECK(std::isnan(y[3]));
      CHECK(argmax[19] == 0);
    }
  }
}
