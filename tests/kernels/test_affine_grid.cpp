// SPDX-License-Identifier: Apache-2.0
#include "kernels/affine_grid/affine_grid_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

int64_t grid_size(const AffineGridDims& d) { return int64_t(d.N) * d.H * d.W * 2; }

const auto forward = []<class T>(const AffineGridDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(grid_size(d))};
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

const auto backward = []<class T>(const AffineGridDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(in[0].size())};
  run(d, in[1].data(), out[0].data(), {});
  return out;
};

/// theta, dgrid.
Tensors<float> inputs(const AffineGridDims& d) {
  return {uniform(int64_t(d.N) * 6, seed, 0), uniform(grid_size(d), seed, 1)};
}

}  // namespace

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
      if (!rung.run[static_cast<int>(isa)]) continue;
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
