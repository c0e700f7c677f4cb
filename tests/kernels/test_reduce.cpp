// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::reduce;

TEST_CASE("reduce: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"reduce", "fwd"}, reduce_problems, reduce_fwd_rungs(), reduce_fwd_v0_reference<double>, {1e-5, 1e-5},
              inputs, forward);
  check_rungs({"reduce", "bwd"}, reduce_problems, reduce_bwd_rungs(), reduce_bwd_v0_reference<double>, {1e-6, 1e-6},
              inputs, backward);
}

TEST_CASE("reduce: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : reduce_problems) {
    const auto in = widened(inputs(d));
    std::vector<double> dx(in[0].size());
    reduce_bwd_v0_reference<double>(d, in[1].data(), indices(in[2]).data(), dx.data(), none, {});
    check_gradient({"reduce", "bwd"}, name, in, 0, in[1], dx, [&](const Tensors<double>& moved) {
      return forward(d, reduce_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("reduce: the first of equals wins, and the first NaN wins over numbers") {
  for (const auto& rung : reduce_fwd_rungs()) {
    for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
      for (const int64_t inner : {1, 3}) {
        const ReduceDims d{1, 40, inner, ReduceKind::max};
        if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
        std::vector<float> x(40 * inner, -2.0f), y(inner), scratch(rung.scratch ? rung.scratch(d) : 0);
        std::vector<int32_t> argmax(inner);
        const auto run = rung.run[static_cast<int>(isa)];
        run(d, x.data(), y.data(), argmax.data(), scratch.data(), {});
        CHECK(argmax[0] == 0);
        CHECK(y[0] == -2.0f);
        x[20 * inner] = x[19 * inner] = 5;
        run(d, x.data(), y.data(), argmax.data(), scratch.data(), {});
        CHECK(argmax[0] == 19);
        x[33 * inner] = x[38 * inner] = NAN;
        run(d, x.data(), y.data(), argmax.data(), scratch.data(), {});
        CHECK(argmax[0] == 33);
      }
    }
  }
}
