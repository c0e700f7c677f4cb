// SPDX-License-Identifier: Apache-2.0
#include "kernels/batch_norm_conv2d/batch_norm_conv2d_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("batch_norm_conv2d: the reference's gradients are central differences, through the statistics too") {
  constexpr float eps = 1e-3f;
  for (const auto& [name, full] : batch_norm_conv2d_problems) {
    Conv2dDims d = full;
    d.N = std::min(d.N, 3), d.H = std::min(d.H, 7), d.W = std::min(d.W, 6);
    if (d.groups == 1) d.C = std::min(d.C, 4), d.K = std::min(d.K, 5);
    const BatchNormDims map{int64_t(d.N) * d.H * d.W, d.C};
    const size_t x_size = size_t(map.rows * d.C), y_size = size_t(d.N) * d.P() * d.Q() * d.K;
    if (map.rows < 2 || d.P() < 1 || d.Q() < 1) continue;
    const int64_t w_size = int64_t(d.K) * d.R * d.S * (d.C / d.groups);
    const std::vector<double> dy = doubles(uniform(int64_t(y_size), 3));
    const Tensors<double> in{doubles(uniform(int64_t(x_size), 1)), doubles(uniform(w_size, 2)),
                             doubles(uniform(d.C, 4, 0, 0.5f, 2)), doubles(uniform(d.C, 5))};  // x, w, weight, bias
    const auto statistics = [&](const std::vector<double>& x) {
      Tensors<double> both(3, std::vector<double>(size_t(d.C)));
      std::vector<double> y(x.size());
      batch_norm_fwd_v0_reference<double>(map, x.data(), in[2].data(), in[3].data(), eps, true, both[0].data(),
                                          both[1].data(), y.data(), nullptr, {});
      return both;
    };
    const auto forward = [&](const Tensors<double>& moved) {
      const auto of_x = statistics(moved[0]);
      std::vector<double> y(y_size), mean(size_t(d.K)), var(size_t(d.K));
      batch_norm_conv2d_fwd_v0_reference<double>(d, moved[0].data(), of_x[0].data(), of_x[1].data(), moved[2].data(),
                                                 moved[3].data(), eps, moved[1].data(), y.data(), mean.data(),
                                                 var.data(), nullptr, {});
      return y;
    };
    const auto of_x = statistics(in[0]);
    std::vector<double> dw(in[1].size()), dx(x_size), dweight(size_t(d.C)), dbias(size_t(d.C));
    batch_norm_conv2d_dw_v0_reference<double>(d, in[0].data(), of_x[0].data(), of_x[1].data(), in[2].data(),
                                              in[3].data(), eps, dy.data(), dw.data(), nullptr, {});
    batch_norm_conv2d_dx_v0_reference<double>(d, in[0].data(), of_x[0].data(), of_x[1].data(), in[2].data(),
                                              in[3].data(), eps, in[1].data(), dy.data(), true, dx.data(),
                                              dweight.data(), dbias.data(), nullptr, {});
    const std::vector<double>* const gradients[] = {&dx, &dw, &dweight, &dbias};
    for (size_t i = 0; i < 4; ++i)
      check_gradient({"batch_norm_conv2d", i == 1 ? "dw" : "dx"}, name, in, i, dy, *gradients[i], forward);
  }
}

TEST_CASE("batch_norm_conv2d: without a batch norm the reference is the convolution's, and its statistics are y's") {
  const Conv2dDims d{2, 5, 4, 3, 6, 3, 3, 1, 1, 1, 1};
  const std::vector<float> x = whole_numbers(2 * 5 * 4 * 3, 1), w = whole_numbers(6 * 9 * 3, 2);
  std::vector<float> y(2 * 5 * 4 * 6), mean(6), var(6), expected(y.size());
  const float* const none = nullptr;
  batch_norm_conv2d_fwd_v0_reference<float>(d, x.data(), none, none, none, none, 0, w.data(), y.data(), mean.data(),
                                            var.data(), nullptr, {});
  conv2d_fwd_v0_reference<float>(d, x.data(), w.data(), nullptr, {}, expected.data(), nullptr, {});
  CHECK(other_bits(y, expected) == "");
  for (size_t k = 0; k < 6; ++k) {
    double sum = 0, squares = 0;
    for (size_t i = k; i < y.size(); i += 6) sum += y[i], squares += double(y[i]) * y[i];
    CHECK(mean[k] == Approx(sum / 40));
    CHECK(var[k] == Approx(squares / 40 - sum / 40 * sum / 40));
  }
}
