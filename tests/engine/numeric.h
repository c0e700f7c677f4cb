// SPDX-License-Identifier: Apache-2.0
// Helpers of the engine's tests: numbers from Philox, closeness, and gradients by differences.
#pragma once
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "engine/random.h"

namespace limbic::testing {

inline Tensor random_tensor(Shape shape, uint64_t stream, float low = -1, float high = 1) {
  Random random(7, stream);
  Tensor t = Tensor::empty(std::move(shape));
  for (int64_t i = 0; i < t.size(); ++i) t.data()[i] = random.uniform(low, high);
  return t;
}

inline void check_close(const Tensor& found, const Tensor& expected, double tolerance = 1e-5) {
  REQUIRE(found.shape() == expected.shape());
  double worst = 0, largest = 1e-30;
  int64_t where = 0;
  for (int64_t i = 0; i < found.size(); ++i) {
    const double error = std::fabs(double{found.data()[i]} - expected.data()[i]);
    largest = std::max(largest, std::fabs(double{expected.data()[i]}));
    if (!(error <= worst)) worst = error, where = i;
  }
  INFO("shape " << shape_text(found.shape()) << ", worst element " << where << ": " << found.data()[where]
                << " against " << expected.data()[where]);
  CHECK(worst <= tolerance * std::max(1.0, largest));
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data());
}

/// Checks the gradients of f(inputs), weighted by fixed numbers into a scalar, against central differences, relative to
/// the largest of each input. f32, so the tolerance is loose: kernels are checked tightly in f64 by their own tests.
inline void check_gradients(const std::string& name, std::vector<Tensor> inputs,
                            const std::function<Tensor(const std::vector<Tensor>&)>& f, double tolerance = 2e-2) {
  INFO("op " << name);
  const auto loss_of = [&](const std::vector<Tensor>& x) {
    const Tensor y = f(x);
    return sum(y * random_tensor(y.shape(), 99));
  };
  for (Tensor& x : inputs) x.set_requires_grad();
  backward(loss_of(inputs));
  const NoGrad no_grad;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor grad = inputs[i].grad();
    INFO("input " << i << " " << shape_text(inputs[i].shape()));
    REQUIRE(grad);
    float* x = inputs[i].data();
    double scale = 0;
    for (int64_t j = 0; j < grad.size(); ++j) scale = std::max(scale, std::fabs(double{grad.data()[j]}));
    REQUIRE(scale > 0);
    for (int64_t j = 0; j < grad.size(); ++j) {
      const float before = x[j], eps = 1e-2f;
      inputs[i].data()[j] = before + eps;
      const double up = loss_of(inputs).item();
      inputs[i].data()[j] = before - eps;
      const double down = loss_of(inputs).item();
      inputs[i].data()[j] = before;
      INFO("element " << j);
      CHECK(grad.data()[j] == Approx((up - down) / (2 * double{eps})).margin(tolerance * scale));
    }
  }
}

/// The text of the Error that `f` throws; fails where it throws none.
inline std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::usage);
    return error.what();
  }
  FAIL("no error was thrown");
  return "";
}

}  // namespace limbic::testing
