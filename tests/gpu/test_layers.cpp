// SPDX-License-Identifier: Apache-2.0
// Pooling, batch norm, dropout, spatial transformers, LSTM and attention on the GPU, or as if on one.
#include "tests/gpu/bf16.h"
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr int64_t most = 19000;  // CUDA threads a launch

Pool2dDims scaled(Pool2dDims d) {
  d.N = std::min(d.N, 2);
  while (int64_t{d.N} * d.H * d.W * d.C > most) {
    if (d.C > 64) {
      d.C /= 2;
    } else if (d.H > d.W) {
      d.H = std::max(d.H * 2 / 3, d.R);
    } else {
      d.W = std::max(d.W * 2 / 3, d.S);
    }
  }
  return d;
}

BatchNormDims scaled(BatchNormDims d) {
  d.C = std::min(d.C, 600);
  d.rows = std::max<int64_t>(1, std::min<int64_t>(d.rows, most / d.C));
  return d;
}

BatchNormPoolDims scaled(BatchNormPoolDims d) {
  while (int64_t{d.N} * d.H * d.W * d.C > most) (d.C > 64 ? d.C : d.H > d.W ? d.H : d.W) /= 2;
  return d;
}

DropoutDims scaled(DropoutDims d) {
  d.n = std::min(d.n, most);
  return d;
}

AffineGridDims scaled(AffineGridDims d) {
  while (int64_t{d.N} * d.H * d.W > most || d.N > 140) d.N > 1 ? d.N /= 2 : d.H /= 2;
  return d;
}

/// A pixel of x looks through all places of its image.
GridSampleDims scaled(GridSampleDims d) {
  const auto work = [&] { return int64_t{d.N} * d.H * d.W * d.C * d.P * d.Q; };
  d.N = std::min(d.N, 20);
  while (work() > 1000000 || int64_t{d.N} * d.P * d.Q * d.C > most) {
    if (d.N > 2) {
      d.N /= 2;
    } else if (d.C > 40) {
      d.C /= 2;
    } else {
      (d.H * d.W > d.P * d.Q ? (d.H > d.W ? d.H : d.W) : d.P > d.Q ? d.P : d.Q) /= 2;
    }
  }
  return d;
}

/// v2 launches blocks of 128 threads a step: one a sequence, or for four units.
LstmDims scaled(LstmDims d) {
  d.T = std::min(d.T, 90);
  while (int64_t{32} * d.N * d.T * d.D > 2 * most || 128 * d.N * d.T > 30000 || 4 * d.D * d.D > most) {
    if (4 * d.D * d.D > most || (d.D > 20 && d.T < 12)) {
      d.D = d.D * 2 / 3;
    } else {
      (d.N > 4 ? d.N : d.T) /= 2;
    }
  }
  return d;
}

/// A sequence is a block of 256 threads, or a thread a number of u and h.
AttentionDims scaled(AttentionDims d) {
  d.N = std::min(d.N, 20);
  while (int64_t{d.N} * d.T * std::max(d.A, d.E) > most) {
    if (d.T > 300 || (d.N <= 4 && d.A <= 100)) {
      d.T = d.T * 2 / 3;
    } else if (d.N > 4) {
      d.N /= 2;
    } else {
      d.A = d.A * 2 / 3, d.E = d.E * 2 / 3;
    }
  }
  return d;
}

const auto scale = [](const auto& d) { return scaled(d); };

}  // namespace

TEST_CASE("pool2d: every CUDA rung agrees with f64") {
  check_gpu_rungs({"pool2d", "fwd"}, pool2d_problems, pool2d_fwd_rungs(), pool2d_fwd_v0_reference<double>,
                  test::pool2d::inputs, test::pool2d::forward, scale, within({"pool2d", "fwd"}, {1e-6, 1e-6}));
  check_gpu_rungs({"pool2d", "bwd"}, pool2d_problems, pool2d_bwd_rungs(), pool2d_bwd_v0_reference<double>,
                  test::pool2d::inputs, test::pool2d::backward, scale, within({"pool2d", "bwd"}, {1e-6, 1e-6}));
  check_gpu_rungs({"pool2d", "train"}, pool2d_problems, pool2d_train_rungs(), pool2d_train_v0_reference<double>,
                  test::pool2d::inputs_without_ties, test::pool2d::train, scale,
                  within({"pool2d", "train"}, {1e-6, 1e-6}));
}

TEST_CASE("pool2d: on the GPU too the first of equals is the maximum") {
  const Pool2dDims d{2, 6, 9, 20, 3, 2, 2, 1, 1, 0, PoolKind::max};
  Tensors<float> in{whole_numbers(int64_t{d.N} * d.H * d.W * d.C, 1)};
  for (float& x : in[0]) x = std::min(x, 1.0f);
  const auto expected = test::pool2d::forward(d, pool2d_fwd_v0_reference<float>, in, static_cast<float*>(nullptr));
  for (const auto& rung : pool2d_fwd_rungs()) {
    if (!runs_here(rung, d) || is_yardstick(rung.name)) continue;
    device_under_test = rung.device;
    INFO(rung.name);
    CHECK(run_on_device(d, rung, in, test::pool2d::forward) == expected);
  }
}

TEST_CASE("batch_norm: every CUDA rung agrees with f64") {
  const Pass fwd{"batch_norm", "fwd"}, apply{"batch_norm", "apply"}, bwd{"batch_norm", "bwd"};
  const auto by_element = [&](const auto& rung, const char* problem, const BatchNormDims& d, const Tensors<float>& in,
                              const Tensors<float>& got, const Tensors<double>& truth) {
    report(apply, std::string(device_name(rung.device)) + " " + rung.name, problem,
           exceeds(got[0], truth[0], test::batch_norm::apply_bounds(d, widened(in))[0]));
  };
  for (const bool relu : {false, true}) {
    check_gpu_rungs(fwd, batch_norm_problems, batch_norm_fwd_rungs(), batch_norm_fwd_v0_reference<double>,
                    test::batch_norm::inputs, test::batch_norm::forward(relu), scale, within(fwd, {1e-5, 2e-5}));
    check_gpu_rungs(apply, batch_norm_problems, batch_norm_apply_rungs(), batch_norm_apply_v0_reference<double>,
                    test::batch_norm::running_inputs, test::batch_norm::apply(relu), scale, by_element);
    for (const bool train : {false, true}) {
      check_gpu_rungs(bwd, batch_norm_problems, batch_norm_bwd_rungs(), batch_norm_bwd_v0_reference<double>,
                      test::batch_norm::inputs, test::batch_norm::backward(relu, train), scale,
                      within(bwd, {1e-5, 5e-6}));
    }
  }
}

TEST_CASE("batch_norm: on the GPU too the variance survives a mean a thousand times larger than the deviation") {
  const BatchNormDims d{700, 24};
  auto in = test::batch_norm::inputs(d);
  in[0] = uniform(d.rows * d.C, seed, 9, 999, 1001);
  const auto forward = test::batch_norm::forward(false);
  const auto truth = forward(d, batch_norm_fwd_v0_reference<double>, widened(in), static_cast<double*>(nullptr));
  for (const auto& rung : batch_norm_fwd_rungs()) {
    if (!runs_here(rung) || is_yardstick(rung.name)) continue;
    device_under_test = rung.device;
    CHECK(differs(run_on_device(d, rung, in, forward)[1], truth[1], {1e-4, 0}) == "");
  }
}

TEST_CASE("batch_norm: on the GPU too the ReLU's gradient at 0 is 0") {
  const BatchNormDims d{5, 6};
  auto in = test::batch_norm::inputs(d);
  for (int64_t i = 0; i < d.rows * d.C; ++i) in[0][i] = in[4][i % d.C];  // x is the mean
  in[2] = std::vector<float>(d.C);
  for (const auto& rung : batch_norm_bwd_rungs()) {
    if (!runs_here(rung) || is_yardstick(rung.name)) continue;
    device_under_test = rung.device;
    INFO(rung.name);
    CHECK(run_on_device(d, rung, in, test::batch_norm::backward(true, false))[0] == std::vector<float>(d.rows * d.C));
  }
}

TEST_CASE("batch_norm_pool: every CUDA rung agrees with f64") {
  const Pass fwd{"batch_norm_pool", "fwd"}, apply{"batch_norm_pool", "apply"}, bwd{"batch_norm_pool", "bwd"};
  check_gpu_rungs(fwd, batch_norm_pool_problems, batch_norm_pool_fwd_rungs(), batch_norm_pool_fwd_v0_reference<double>,
                  test::batch_norm_pool::inputs, test::batch_norm_pool::forward, scale, within(fwd, {1e-5, 2e-5}));
  check_gpu_rungs(apply, batch_norm_pool_problems, batch_norm_pool_apply_rungs(),
                  batch_norm_pool_apply_v0_reference<double>, test::batch_norm_pool::inputs,
                  test::batch_norm_pool::apply, scale, within(apply, {1e-5, 2e-5}));
  for (const bool train : {false, true}) {
    check_gpu_rungs(bwd, batch_norm_pool_problems, batch_norm_pool_bwd_rungs(),
                    batch_norm_pool_bwd_v0_reference<double>, test::batch_norm_pool::inputs,
                    test::batch_norm_pool::backward(train), scale, within(bwd, {1e-5, 5e-6}));
  }
}

TEST_CASE("batch_norm_pool: on the GPU too the ReLU's gradient at 0 is 0") {
  const BatchNormPoolDims d{1, 3, 4, 6};
  auto in = test::batch_norm_pool::inputs(d);
  for (size_t i = 0; i < in[0].size(); ++i) in[0][i] = in[4][i % d.C];  // x is the mean
  in[2] = std::vector<float>(d.C);
  for (const auto& rung : batch_norm_pool_bwd_rungs()) {
    if (!runs_here(rung)) continue;
    device_under_test = rung.device;
    INFO(rung.name);
    CHECK(run_on_device(d, rung, in, test::batch_norm_pool::backward(false))[0] == std::vector<float>(in[0].size()));
  }
}

TEST_CASE("dropout: every CUDA rung draws the CPU's bits") {
  const auto same_bits = [](const auto& rung, const char* problem, const DropoutDims& d, const Tensors<float>& in,
                            const Tensors<float>& got, const Tensors<double>&) {
    const auto cpu = test::dropout::forward(d, dropout_fwd_v0_reference<float>, in, static_cast<float*>(nullptr));
    report({"dropout", "fwd"}, rung.name, problem, other_bits(got[0], cpu[0]));
  };
  check_gpu_rungs({"dropout", "fwd"}, dropout_problems, dropout_fwd_rungs(), dropout_fwd_v0_reference<double>,
                  test::dropout::inputs, test::dropout::forward, scale, same_bits);
}

TEST_CASE("dropout: on the GPU too an element that draws p itself stays") {
  const DropoutDims d{40, philox_uniform(7, 3, 17), 7, 3};
  for (const auto& rung : dropout_fwd_rungs()) {
    if (!runs_here(rung)) continue;
    device_under_test = rung.device;
    INFO(rung.name);
    CHECK(run_on_device(d, rung, test::dropout::inputs(d), test::dropout::forward)[0][17] > 0);
  }
}

TEST_CASE("affine_grid: every CUDA rung agrees with f64") {
  const Pass fwd{"affine_grid", "fwd"}, bwd{"affine_grid", "bwd"};
  check_gpu_rungs(fwd, affine_grid_problems, affine_grid_fwd_rungs(), affine_grid_fwd_v0_reference<double>,
                  test::affine_grid::inputs, test::affine_grid::forward, scale, within(fwd, {1e-6, 1e-6}));
  check_gpu_rungs(bwd, affine_grid_problems, affine_grid_bwd_rungs(), affine_grid_bwd_v0_reference<double>,
                  test::affine_grid::inputs, test::affine_grid::backward, scale, within(bwd, {1e-6, 1e-6}));
}

TEST_CASE("grid_sample: every CUDA rung agrees with f64") {
  const Pass fwd{"grid_sample", "fwd"}, bwd{"grid_sample", "bwd"};
  check_gpu_rungs(fwd, grid_sample_problems, grid_sample_fwd_rungs(), grid_sample_fwd_v0_reference<double>,
                  test::grid_sample::inputs, test::grid_sample::forward, scale, within(fwd, {0, 3e-5}));
  check_gpu_rungs(bwd, grid_sample_problems, grid_sample_bwd_rungs(), grid_sample_bwd_v0_reference<double>,
                  test::grid_sample::inputs, test::grid_sample::backward, scale, within(bwd, {0, 3e-5}));
}

TEST_CASE("grid_sample: on the GPU too a place outside or nowhere is 0") {
  const GridSampleDims d{1, 2, 2, 3, 1, 5, false};
  const Tensors<float> in{std::vector<float>(12, INFINITY), {3, 0, 0, -3, NAN, 0, 1e30f, 0, -INFINITY, 0}};
  for (const auto& rung : grid_sample_fwd_rungs()) {
    if (!runs_here(rung) || is_yardstick(rung.name)) continue;
    device_under_test = rung.device;
    CHECK(run_on_device(d, rung, in, test::grid_sample::forward)[0] == std::vector<float>(15));
  }
}

TEST_CASE("grid_sample: large, tiny and infinite gradients, and what is no number, arrive in dx") {
  const GridSampleDims d{1, 1, 2, 1, 1, 4, false};  // places on the centres of the two pixels
  const std::vector<float> x(2), grid{-0.5f, 0, -0.5f, 0, 0.5f, 0, -0.5f, 0};
  for (const auto& rung : grid_sample_bwd_rungs()) {
    if (!runs_here(rung) || is_yardstick(rung.name)) continue;
    device_under_test = rung.device;
    const auto dx = [&](const std::vector<float>& dy) {
      return run_on_device(d, rung, {x, grid, dy}, test::grid_sample::backward)[0];
    };
    CHECK(dx({0, 0, 0, 0}) == std::vector<float>{0, 0});
    CHECK(dx({1e6f, -1e6f, 1, 1}) == std::vector<float>{1, 1});
    CHECK(dx({1e-44f, 1e-44f, -1e-44f, 0}) == std::vector<float>{2e-44f, -1e-44f});
    CHECK(std::isnan(dx({1, NAN, 2, 3})[0]));
    CHECK(!std::isfinite(dx({INFINITY, 1, 1, 1})[0]));
  }
}

TEST_CASE("lstm: every CUDA rung agrees with f64, for sequences of any length") {
  const Pass fwd{"lstm", "fwd"}, bwd{"lstm", "bwd"};
  const auto in_place = []<class Buffer>(const LstmDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;  // y, activations where gates were, cell
    out.emplace_back(static_cast<size_t>(test::lstm::states(d)));
    out.push_back(copy_of(in[0]));
    out.emplace_back(static_cast<size_t>(test::lstm::states(d)));
    run(d, out[1].data(), in[1].data(), nullptr, out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
  check_gpu_rungs(fwd, lstm_problems, lstm_fwd_rungs(), lstm_fwd_v0_reference<double>, test::lstm::inputs(false),
                  in_place, scale, within(fwd, {1e-5, 2e-6}));
  for (const bool with_lengths : {false, true}) {
    check_gpu_rungs(fwd, lstm_problems, lstm_fwd_rungs(), lstm_fwd_v0_reference<double>,
                    test::lstm::inputs(with_lengths), test::lstm::forward, scale, within(fwd, {1e-5, 2e-6}));
    check_gpu_rungs(bwd, lstm_problems, lstm_bwd_rungs(), lstm_bwd_v0_reference<double>,
                    test::lstm::inputs(with_lengths), test::lstm::backward, scale, within(bwd, {1e-5, 5e-6}));
  }
}

TEST_CASE("lstm: every CUDA rung of a whole layer agrees with f64") {
  const Pass fwd{"lstm", "layer_fwd"}, train{"lstm", "layer_train"};
  const auto smaller = [](LstmDims d) {  // the input's product is one more tile of every 16 features
    d = scaled(d);
    while (int64_t{4} * d.D * d.F > most || int64_t{d.N} * d.T * d.F > most) d.F = d.F * 2 / 3;
    return d;
  };
  check_gpu_rungs(fwd, lstm_problems, lstm_layer_fwd_rungs(), lstm_layer_fwd_v0_reference<double>,
                  test::lstm::layer_inputs, test::lstm::layer_forward, smaller, within(fwd, {1e-5, 2e-6}));
  check_gpu_rungs(train, lstm_problems, lstm_layer_train_rungs(), lstm_layer_train_v0_reference<double>,
                  test::lstm::layer_inputs, test::lstm::layer_train, smaller, within(train, {1e-5, 5e-6}));
}

TEST_CASE("lstm: the rung that holds w_hh in shared memory serves what fits there, and says no to one unit more") {
  const Pass fwd{"lstm", "fwd"}, bwd{"lstm", "bwd"};
  const auto check = [](Pass pass, const auto& rungs, auto* v0, const auto& call) {
    for (const auto& rung : rungs) {
      if (!same_name(rung.name, "v3_persistent") || !runs_here(rung)) continue;
      int most_units = 0;  // 119 where a block can have 227 KB
      while (rung.supports({1, 1, most_units + 1})) ++most_units;
      CHECK(!rung.supports({1, 1, 0}));
      CHECK(!rung.supports({1, 1, most_units + 2}));
      if (rung.device == Device::emu) CHECK(most_units == 119);
      const LstmDims d{2, 3, most_units};
      const auto in = test::lstm::inputs(true)(d);
      device_under_test = rung.device;
      within(pass, {1e-5, 5e-6})(rung, "most units", d, in, run_on_device(d, rung, in, call),
                                 call(d, v0, widened(in), static_cast<double*>(nullptr)));
    }
  };
  check(fwd, lstm_fwd_rungs(), lstm_fwd_v0_reference<double>, test::lstm::forward);
  check(bwd, lstm_bwd_rungs(), lstm_bwd_v0_reference<double>, test::lstm::backward);
}

TEST_CASE("attention: every CUDA rung agrees with f64, for sequences of any length") {
  const Pass fwd{"attention", "fwd"}, bwd{"attention", "bwd"};
  for (const bool with_lengths : {false, true}) {
    check_gpu_rungs(fwd, attention_problems, attention_fwd_rungs(), attention_fwd_v0_reference<double>,
                    test::attention::inputs(with_lengths), test::attention::forward, scale, within(fwd, {1e-5, 2e-6}));
    check_gpu_rungs(bwd, attention_problems, attention_bwd_rungs(), attention_bwd_v0_reference<double>,
                    test::attention::inputs(with_lengths), test::attention::backward, scale, within(bwd, {1e-5, 5e-6}));
  }
}

TEST_CASE("attention: on the GPU too a score that draws p itself stays") {
  const AttentionDims d{1, 40, 3, 3, philox_uniform(7, 3, 17), 7, 3};
  const auto in = test::attention::inputs(false)(d);
  for (const auto& rung : attention_fwd_rungs()) {
    if (!runs_here(rung)) continue;
    device_under_test = rung.device;
    within({"attention", "fwd"}, {1e-5, 2e-6})(
        rung, "a draw of p", d, in, run_on_device(d, rung, in, test::attention::forward),
        test::attention::forward(d, attention_fwd_v0_reference<double>, widened(in), static_cast<double*>(nullptr)));
  }
}

TEST_CASE("pooling, batch norm and dropout: every CUDA rung of maps stored in bf16 agrees with f64") {
  constexpr StoredAs<bf16> stored;
  const Pass pool_fwd{"pool2d", "fwd_bf16"}, pool_bwd{"pool2d", "bwd_bf16"}, pool_train{"pool2d", "train_bf16"};
  check_gpu_rungs(pool_fwd, pool2d_problems, pool2d_fwd_rungs(stored), pool2d_fwd_v0_reference<double>,
                  rounded_inputs(test::pool2d::inputs, {0}), test::pool2d::forward, scale,
                  within_rounding(pool_fwd, {1e-6, 1e-6}, {0}));
  check_gpu_rungs(pool_bwd, pool2d_problems, pool2d_bwd_rungs(stored), pool2d_bwd_v0_reference<double>,
                  rounded_inputs(test::pool2d::inputs, {1}), test::pool2d::backward, scale,
                  within_rounding(pool_bwd, {1e-6, 1e-6}, {0}));
  check_gpu_rungs(pool_train, pool2d_problems, pool2d_train_rungs(stored), pool2d_train_v0_reference<double>,
                  rounded_inputs(test::pool2d::inputs_without_ties, {0, 1}), test::pool2d::train, scale,
                  within_rounding(pool_train, {1e-6, 1e-6}, {0, 1}));

  const Pass fwd{"batch_norm", "fwd_bf16"}, apply{"batch_norm", "apply_bf16"}, bwd{"batch_norm", "bwd_bf16"};
  const auto by_element = [&](const auto& rung, const char* problem, const BatchNormDims& d, const Tensors<float>& in,
                              const Tensors<float>& got, const Tensors<double>& truth) {
    report(apply, std::string(device_name(rung.device)) + " " + rung.name, problem,
           exceeds(got[0], truth[0], and_rounding(test::batch_norm::apply_bounds(d, widened(in))[0], truth[0])));
  };
  for (const bool relu : {false, true}) {
    check_gpu_rungs(fwd, batch_norm_problems, batch_norm_fwd_rungs(stored), batch_norm_fwd_v0_reference<double>,
                    rounded_inputs(test::batch_norm::inputs, {0}), test::batch_norm::forward(relu), scale,
                    within_rounding(fwd, {1e-5, 2e-5}, {2}));
    check_gpu_rungs(apply, batch_norm_problems, batch_norm_apply_rungs(stored), batch_norm_apply_v0_reference<double>,
                    rounded_inputs(test::batch_norm::running_inputs, {0}), test::batch_norm::apply(relu), scale,
                    by_element);
    for (const bool train : {false, true}) {
      check_gpu_rungs(bwd, batch_norm_problems, batch_norm_bwd_rungs(stored), batch_norm_bwd_v0_reference<double>,
                      rounded_inputs(test::batch_norm::inputs, {0, 3}), test::batch_norm::backward(relu, train), scale,
                      within_rounding(bwd, {1e-5, 5e-6}, {0}));
    }
  }

  const Pass both_fwd{"batch_norm_pool", "fwd_bf16"}, both_apply{"batch_norm_pool", "apply_bf16"};
  const Pass both_bwd{"batch_norm_pool", "bwd_bf16"};
  const auto inputs = rounded_inputs(test::batch_norm_pool::inputs, {0, 3});
  check_gpu_rungs(both_fwd, batch_norm_pool_problems, batch_norm_pool_fwd_rungs(stored),
                  batch_norm_pool_fwd_v0_reference<double>, inputs, test::batch_norm_pool::forward, scale,
                  within_rounding(both_fwd, {1e-5, 2e-5}, {0}));
  check_gpu_rungs(both_apply, batch_norm_pool_problems, batch_norm_pool_apply_rungs(stored),
                  batch_norm_pool_apply_v0_reference<double>, inputs, test::batch_norm_pool::apply, scale,
                  within_rounding(both_apply, {1e-5, 2e-5}, {0}));
  for (const bool train : {false, true}) {
    check_gpu_rungs(both_bwd, batch_norm_pool_problems, batch_norm_pool_bwd_rungs(stored),
                    batch_norm_pool_bwd_v0_reference<double>, inputs, test::batch_norm_pool::backward(train), scale,
                    within_rounding(both_bwd, {1e-5, 5e-6}, {0}));
  }

  const auto same_bits = [](const auto& rung, const char* problem, const DropoutDims& d, const Tensors<float>& in,
                            const Tensors<float>& got, const Tensors<double>&) {
    const auto cpu = test::dropout::forward(d, dropout_fwd_v0_reference<float>, in, static_cast<float*>(nullptr));
    report({"dropout", "fwd_bf16"}, rung.name, problem, other_bits(got[0], rounded(cpu[0])));
  };
  check_gpu_rungs({"dropout", "fwd_bf16"}, dropout_problems, dropout_fwd_rungs(stored),
                  dropout_fwd_v0_reference<double>, rounded_inputs(test::dropout::inputs, {0}), test::dropout::forward,
                  scale, same_bits);
}
