// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::affine_grid;

TEST_CASE("affine_grid: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"affine_grid", "fwd"}, affine_grid_problems, affine_grid_fwd_rungs(),
              affine_grid_fwd_v0_reference<double>, {1e-6, 1e-6}, inputs, forward);
  check_rungs({"affine_grid", "bwd"}, affine_grid_problems, affine_grid_bwd_rungs(),
              affine_grid_bwd_v0_reference<double>, {1e-6, 1e-6}, inputs, backward);
}

TEST_CASE("affine_grid: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : affine_grid_problems) {
    if (grid_size(d) > 40000) continue;
    const auto in = widened(inputs(d));
    const auto grads = backward(d, affine_grid_bwd_v0_reference<double>, in, none);
    check_gradient({"affine_grid", "bwd"}, name, in, 0, in[1], grads[0], [&](const Tensors<double>& moved) {
      return forward(d, affine_grid_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("affine_grid: corners lie on the edges' pixels or on the edges") {
  const std::vector<float> identity{1, 0, 0, 0, 1, 0};
  for (const auto& rung : affine_grid_fwd_rungs()) {
    for (const Isa isa : isas_here()) {
      if (!serves(rung, {1, 2, 3, true}, Device::cpu, isa)) continue;
      std::vector<float> grid(2 * 3 * 2);
      rung.run[static_cast<int>(isa)]({1, 2, 3, true}, identity.data(), grid.data(), {});
      CHECK(grid == std::vector<float>{-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1});
      rung.run[static_cast<int>(isa)]({1, 2, 3, false}, identity.data(), grid.data(), {});
      CHECK(grid[0] == Approx(-2.0 / 3));
      CHECK(grid[1] == -0.5f);
      CHECK(grid[10] == Approx(2.0 / 3));
    }
  }
}
