// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::grid_sample;

// A position is rounded by about W 2^-24 pixels, so that much of the difference of two pixels may be missing.
TEST_CASE("grid_sample: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"grid_sample", "fwd"}, grid_sample_problems, grid_sample_fwd_rungs(),
              grid_sample_fwd_v0_reference<double>, {0, 3e-5}, inputs, forward);
  check_rungs({"grid_sample", "bwd"}, grid_sample_problems, grid_sample_bwd_rungs(),
              grid_sample_bwd_v0_reference<double>, {0, 3e-5}, inputs, backward);
}

TEST_CASE("grid_sample: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : grid_sample_problems) {
    if (d.N * (image_size(d) + places(d) * d.C) > 40000) continue;
    const auto in = widened(inputs(d));
    const auto grads = backward(d, grid_sample_bwd_v0_reference<double>, in, none);
    const auto y = [&](const Tensors<double>& moved) {
      return forward(d, grid_sample_fwd_v0_reference<double>, moved, none)[0];
    };
    check_gradient({"grid_sample", "bwd"}, name, in, 0, in[2], grads[0], y);
    check_gradient({"grid_sample", "bwd"}, name, in, 1, in[2], grads[1], y);
  }
}

TEST_CASE("grid_sample: the identity gives the picture back; a place outside or nowhere is 0") {
  for (const auto& rung : grid_sample_fwd_rungs()) {
    for (const Isa isa : isas_here()) {
      if (rung.device != Device::cpu || !rung.run[static_cast<int>(isa)]) continue;
      for (const bool align_corners : {false, true}) {
        for (const int C : {1, 3}) {
          INFO(rung.name << " " << isa_name(isa) << " align_corners " << align_corners << " C " << C);
          const GridSampleDims d{1, 6, 7, C, 6, 7, align_corners};
          const std::vector<float> theta{1, 0, 0, 0, 1, 0}, x = uniform(image_size(d), seed, 5);
          std::vector<float> grid(places(d) * 2), y(x.size(), NAN);
          affine_grid_fwd_v0_reference<float>({1, 6, 7, align_corners}, theta.data(), grid.data(), {});
          rung.run[static_cast<int>(isa)](d, x.data(), grid.data(), y.data(), {});
          CHECK(differs(y, x, {0, 1e-6}) == "");
        }
      }
      for (const int C : {1, 3}) {
        const GridSampleDims d{1, 2, 2, C, 1, 5, false};
        const std::vector<float> x(4 * C, INFINITY), grid{3, 0, 0, -3, NAN, 0, 1e30f, 0, -INFINITY, 0};
        std::vector<float> y(5 * C, NAN);
        rung.run[static_cast<int>(isa)](d, x.data(), grid.data(), y.data(), {});
        CHECK(y == std::vector<float>(5 * C));
      }
    }
  }
}

TEST_CASE("grid_sample: a gradient that nobody wants is not written, and does not change the other") {
  const GridSampleDims d{2, 6, 7, 3, 4, 5, false};
  const auto in = inputs(d);
  for (const auto& rung : grid_sample_bwd_rungs()) {
    auto* run = rung.run[static_cast<int>(active_isa())];
    if (rung.device != Device::cpu || !run) continue;
    const auto both = backward(d, run, in, static_cast<float*>(nullptr));
    std::vector<float> dx(in[0].size()), dgrid(in[1].size());
    run(d, in[0].data(), in[1].data(), in[2].data(), dx.data(), nullptr, {});
    run(d, in[0].data(), in[1].data(), in[2].data(), nullptr, dgrid.data(), {});
    CHECK(dx == both[0]);
    CHECK(dgrid == both[1]);
  }
}
