// SPDX-License-Identifier: Apache-2.0
// Losses, optimisers, copies and norms on the GPU, or as if on one.
#include <numeric>

#include "tests/gpu/bf16.h"
#include "tests/kernels/cases_training.h"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr int64_t most = 19000;  // CUDA threads a launch

CrossEntropyDims scaled(CrossEntropyDims d) {
  d.rows = std::min<int64_t>(d.rows, 300);
  return d;
}

auto scaled(auto d) {  // bce, adam, sgd, moving_average, sum_squares
  d.n = std::min(d.n, most);
  return d;
}

CopyDims scaled(CopyDims d) {
  const auto size = [&] {
    int64_t n = 1;
    for (int axis = 0; axis < d.rank; ++axis) n *= d.shape[axis];
    return n;
  };
  while (size() > most) *std::max_element(d.shape, d.shape + d.rank) /= 2;  // a corner of the same box
  return d;
}

const auto scale = [](const auto& d) { return scaled(d); };

}  // namespace

TEST_CASE("cross_entropy: every CUDA rung agrees with f64") {
  const Pass fwd{"cross_entropy", "fwd"}, bwd{"cross_entropy", "bwd"};
  for (const bool weighted : {false, true}) {
    check_gpu_rungs(fwd, cross_entropy_problems, cross_entropy_fwd_rungs(), cross_entropy_fwd_v0_reference<double>,
                    test::cross_entropy::inputs, test::cross_entropy::forward(weighted), scale,
                    within(fwd, {2e-6, 1e-6}));
    check_gpu_rungs(bwd, cross_entropy_problems, cross_entropy_bwd_rungs(), cross_entropy_bwd_v0_reference<double>,
                    test::cross_entropy::inputs, test::cross_entropy::backward(weighted), scale,
                    within(bwd, {2e-6, 1e-6}));
  }
}

TEST_CASE("bce: every CUDA rung agrees with f64") {
  check_gpu_rungs({"bce", "fwd"}, bce_problems, bce_fwd_rungs(), bce_fwd_v0_reference<double>, test::bce::inputs,
                  test::bce::forward, scale, within({"bce", "fwd"}, {1e-6, 1e-7}));
  check_gpu_rungs({"bce", "bwd"}, bce_problems, bce_bwd_rungs(), bce_bwd_v0_reference<double>, test::bce::inputs,
                  test::bce::backward, scale, within({"bce", "bwd"}, {1e-6, 1e-7}));
}

TEST_CASE("adam: every CUDA rung agrees with f64") {
  check_gpu_rungs({"adam", "step"}, adam_problems, adam_step_rungs(), adam_step_v0_reference<double>,
                  test::adam::inputs, test::adam::step, scale, within({"adam", "step"}, {1e-6, 1e-6}));
}

TEST_CASE("adam: many tensors in one launch get the bits of a single one") {
  std::vector<int64_t> lengths;  // more tensors than one launch takes; of none, one and several blocks
  for (int i = 0; i < 70; ++i) lengths.push_back(i == 5 ? 3000 : i % 7 * 50);
  for (const bool amsgrad : {false, true}) {
    const AdamDims all{
        std::accumulate(lengths.begin(), lengths.end(), int64_t{0}), 1e-3, 0.9, 0.999, 1e-8, 0.01, true, amsgrad, 3};
    const Tensors<float> in = test::adam::inputs(all);
    for (const auto& rung : adam_many_rungs()) {
      if (!runs_here(rung)) continue;
      device_under_test = rung.device;
      const DeviceFloats g(in[1]);
      DeviceFloats w(in[0]), m(in[2]), v(in[3]), vmax(in[4]);
      std::vector<AdamTensor> tensors;
      int64_t at = 0;
      for (const int64_t n : lengths) {
        tensors.push_back(
            {n, w.data() + at, g.data() + at, m.data() + at, v.data() + at, amsgrad ? vmax.data() + at : nullptr});
        at += n;
      }
      rung.run[0](all, tensors.data(), static_cast<int>(tensors.size()), {});
      for (const auto& single : adam_step_rungs()) {
        if (single.device != rung.device) continue;
        const auto expected = run_on_device(all, single, in, test::adam::step);
        size_t k = 0;
        for (const DeviceFloats* state : {&w, &m, &v, &vmax})
          expect_equal(std::string("adam ") + rung.name, other_bits(state->host(), expected[k++]));
      }
    }
  }
}

TEST_CASE("sgd: every CUDA rung agrees with f64") {
  check_gpu_rungs({"sgd", "step"}, sgd_problems, sgd_step_rungs(), sgd_step_v0_reference<double>, test::sgd::inputs,
                  test::sgd::step, scale, within({"sgd", "step"}, {1e-6, 1e-6}));
}

TEST_CASE("moving_average: every CUDA rung agrees with f64") {
  check_gpu_rungs({"moving_average", "step"}, moving_average_problems, moving_average_step_rungs(),
                  moving_average_step_v0_reference<double>, test::moving_average::inputs, test::moving_average::step,
                  scale, within({"moving_average", "step"}, {1e-6, 1e-7}));
}

TEST_CASE("sum_squares: every CUDA rung agrees with f64") {
  check_gpu_rungs({"sum_squares", "fwd"}, sum_squares_problems, sum_squares_fwd_rungs(),
                  sum_squares_fwd_v0_reference<double>, test::sum_squares::inputs, test::sum_squares::forward, scale,
                  within({"sum_squares", "fwd"}, {1e-6, 1e-7}));
}

TEST_CASE("copy: every CUDA rung agrees with f64") {
  check_gpu_rungs({"copy", "fwd"}, copy_problems, copy_fwd_rungs(), copy_fwd_v0_reference<double>, test::copy::inputs,
                  test::copy::forward, scale, within({"copy", "fwd"}, {1e-6, 0}));
  check_gpu_rungs({"copy", "fwd_bf16"}, copy_problems, copy_fwd_rungs(StoredAs<bf16>{}), copy_fwd_v0_reference<double>,
                  rounded_inputs(test::copy::inputs, {0, 1}), test::copy::forward, scale,
                  within_rounding({"copy", "fwd_bf16"}, {1e-6, 0}, {0}));
}
