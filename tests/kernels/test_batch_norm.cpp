// SPDX-License-Identifier: Apache-2.0
#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr float eps = 1e-5f;

/// x with a mean far from 0, weight, bias, dy, and mean and var of x.
Tensors<float> inputs(const BatchNormDims& d) {
  Tensors<float> in{uniform(d.rows * d.C, seed, 0, 1, 3), uniform(d.C, seed, 1, 0.5f, 1.5f), uniform(d.C, seed, 2),
                    uniform(d.rows * d.C, seed, 3),       std::vector<float>(d.C),           std::vector<float>(d.C)};
  std::vector<float> y(in[0].size());
  batch_norm_fwd_v0_reference<float>(d, in[0].data(), in[1].data(), in[2].data(), eps, false, in[4].data(),
                                     in[5].data(), y.data(), nullptr, {});
  return in;
}

/// For evaluation: channels far from 0 (up to 1000) with variances down to 0, x within three deviations of the mean
/// and, every seventh row, anywhere.
Tensors<float> running_inputs(const BatchNormDims& d) {
  Tensors<float> in = inputs(d);
  in[4] = uniform(d.C, seed, 4, -1000, 1000);
  for (int c = 0; c < d.C; ++c) in[5][c] = c % 4 ? std::pow(10.0f, in[2][c] * 6 - 4) : 0;
  for (int64_t i = 0; i < d.rows * d.C; ++i) {
    const float near = in[4][i % d.C] + 3 * in[3][i] * std::sqrt(in[5][i % d.C] + eps);
    in[0][i] = i / d.C % 7 == 6 ? 1000 * in[3][i] : near;
  }
  return in;
}

/// y = fma(x - mean, scale, bias): x - mean is rounded, scale three times (once under the root), the product in plain
/// C++, and the sum; each by at most 2^-24 of its value.
Tensors<double> apply_bounds(const BatchNormDims& d, const Tensors<double>& in) {
  Tensors<double> bound{std::vector<double>(d.rows * d.C)};
  for (int64_t i = 0; i < d.rows * d.C; ++i) {
    const int64_t c = i % d.C;
    const double scaled = (in[0][i] - in[4][c]) * in[1][c] / std::sqrt(in[5][c] + double(eps));
    bound[0][i] = 6 * 0x1p-24 * (std::fabs(scaled) + std::fabs(in[2][c]));
  }
  return bound;
}

auto forward(bool relu) {
  return [=]<class T>(const BatchNormDims& d, auto* run, const Tensors<T>& in, T* scratch) {
    Tensors<T> out{std::vector<T>(d.C), std::vector<T>(d.C), std::vector<T>(d.rows * d.C)};
    run(d, in[0].data(), in[1].data(), in[2].data(), eps, relu, out[0].data(), out[1].data(), out[2].data(), scratch,
        {});
    return out;
  };
}

auto apply(bool relu) {
  return [=]<class T>(const BatchNormDims& d, auto* run, const Tensors<T>& in, T* scratch) {
    Tensors<T> out{std::vector<T>(d.rows * d.C)};
    run(d, in[0].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), eps, relu, out[0].data(), scratch, {});
    return out;
  };
}

auto backward(bool relu, bool train) {
  return [=]<class T>(const BatchNormDims& d, auto* run, const Tensors<T>& in, T* scratch) {
    Tensors<T> out{std::vector<T>(d.rows * d.C), std::vector<T>(d.C), std::vector<T>(d.C)};
    run(d, in[0].data(), in[3].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), eps, relu, train,
        out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
}

}  // namespace

TEST_CASE("batch_norm: every rung agrees with f64, with the same bits everywhere") {
  for (const bool relu : {false, true}) {
    check_rungs({"batch_norm", "fwd"}, batch_norm_problems, batch_norm_fwd_rungs(), batch_norm_fwd_v0_reference<double>,
                {1e-5, 2e-5}, inputs, forward(relu));
    check_rungs({"batch_norm", "apply"}, batch_norm_problems, batch_norm_apply_rungs(),
                batch_norm_apply_v0_reference<double>, apply_bounds, running_inputs, apply(relu));
    for (const bool train : {false, true}) {
      check_rungs({"batch_norm", "bwd"}, batch_norm_problems, batch_norm_bwd_rungs(),
                  batch_norm_bwd_v0_reference<double>, {1e-5, 5e-6}, inputs, backward(relu, train));
    }
  }
}

TEST_CASE("batch_norm: v0's gradients are those of its forward") {
  for (const auto& [name, d] : batch_norm_problems) {
    if (d.rows * d.C > 30000 || d.rows < 3) continue;  // two rows: the difference quotient itself is ill-conditioned
    for (const bool relu : {false, true}) {
      const auto in = widened(inputs(d));
      for (const bool train : {false, true}) {
        // train: mean and var as the f64 forward finds them, so that both sides are at the same point
        Tensors<double> point = in;
        const auto stats = forward(relu)(d, batch_norm_fwd_v0_reference<double>, in, static_cast<double*>(nullptr));
        point[4] = stats[0], point[5] = stats[1];
        const auto grads =
            backward(relu, train)(d, batch_norm_bwd_v0_reference<double>, point, static_cast<double*>(nullptr));
        const auto y = [&](const Tensors<double>& moved) {
          double* const none = nullptr;
          return train ? forward(relu)(d, batch_norm_fwd_v0_reference<double>, moved, none)[2]
                       : apply(relu)(d, batch_norm_apply_v0_reference<double>, moved, none)[0];
        };
        for (size_t i = 0; i < 3; ++i) check_gradient({"batch_norm", "bwd"}, name, point, i, in[3], grads[i], y);
      }
    }
  }
}

TEST_CASE("batch_norm: the variance survives a mean a thousand times larger than the deviation") {
  const BatchNormDims d{5000, 24};
  auto in = inputs(d);
  in[0] = uniform(d.rows * d.C, seed, 9, 999, 1001);
  const auto truth = forward(false)(d, batch_norm_fwd_v0_reference<double>, widened(in), static_cast<double*>(nullptr));
  for (const auto& rung : batch_norm_fwd_rungs()) {
    if (!rung.run[static_cast<int>(active_isa())]) continue;
    std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0);
    const auto got = forward(false)(d, rung.run[static_cast<int>(active_isa())], in, scratch.data());
    CHECK(differs(got[1], truth[1], {1e-4, 0}) == "");
  }
}
