// SPDX-License-Identifier: Apache-2.0
// adam, sgd and sum_squares.
#include "kernels/adam/adam_v0_reference.h"
#include "kernels/sgd/sgd_v0_reference.h"
#include "kernels/sum_squares/sum_squares_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

const auto adam = []<class T>(const AdamDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> state{in[0], in[2], in[3], in[4]};
  run(d, state[0].data(), in[1].data(), state[1].data(), state[2].data(), d.amsgrad ? state[3].data() : nullptr, {});
  return state;
};

const auto sgd = []<class T>(const SgdDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> state{in[0], in[2]};
  run(d, state[0].data(), in[1].data(), d.momentum == 0 ? nullptr : state[1].data(), {});
  return state;
};

const auto sum_squares = []<class T>(const SumSquaresDims& d, auto* run, const Tensors<T>& in, T* scratch) {
  Tensors<T> out{std::vector<T>(1)};
  run(d, in[0].data(), out[0].data(), scratch, {});
  return out;
};

}  // namespace

TEST_CASE("adam: every rung agrees with f64, with the same bits everywhere") {
  const auto inputs = [](const AdamDims& d) -> Tensors<float> {  // w, g, m, v, vmax
    return {uniform(d.n, seed, 0), uniform(d.n, seed, 1), uniform(d.n, seed, 2, -0.1f, 0.1f),
            uniform(d.n, seed, 3, 0, 0.5f), uniform(d.n, seed, 4, 0, 0.5f)};
  };
  check_rungs({"adam", "step"}, adam_problems, adam_step_rungs(), adam_step_v0_reference<double>, {1e-6, 1e-6}, inputs,
              adam);
}

TEST_CASE("adam: three steps from zero are those of the paper") {
  // Kingma and Ba 2015, algorithm 1, on one weight by hand in f64
  for (const auto& rung : adam_step_rungs()) {
    if (!rung.run[static_cast<int>(active_isa())]) continue;
    float w = 1, m = 0, v = 0;
    double w_true = 1, m_true = 0, v_true = 0;
    for (int64_t t = 1; t <= 3; ++t) {
      const float g = 0.1f * static_cast<float>(t);
      rung.run[static_cast<int>(active_isa())]({1, 0.01, 0.9, 0.999, 1e-8, 0, false, false, t}, &w, &g, &m, &v, nullptr,
                                               {});
      m_true = 0.9 * m_true + 0.1 * g;
      v_true = 0.999 * v_true + 0.001 * g * g;
      w_true -= 0.01 * (m_true / (1 - std::pow(0.9, t))) / (std::sqrt(v_true / (1 - std::pow(0.999, t))) + 1e-8);
      CHECK(w == Approx(w_true).epsilon(1e-6));
      CHECK(v == Approx(v_true).epsilon(1e-6));
    }
  }
}

TEST_CASE("sgd: every rung agrees with f64, with the same bits everywhere") {
  const auto inputs = [](const SgdDims& d) -> Tensors<float> {  // w, g, velocity
    return {uniform(d.n, seed, 0), uniform(d.n, seed, 1), uniform(d.n, seed, 2)};
  };
  check_rungs({"sgd", "step"}, sgd_problems, sgd_step_rungs(), sgd_step_v0_reference<double>, {1e-6, 1e-6}, inputs,
              sgd);
}

TEST_CASE("sum_squares: every rung agrees with f64, with the same bits everywhere") {
  const auto inputs = [](const SumSquaresDims& d) -> Tensors<float> { return {uniform(d.n, seed, 0)}; };
  check_rungs({"sum_squares", "fwd"}, sum_squares_problems, sum_squares_fwd_rungs(),
              sum_squares_fwd_v0_reference<double>, {1e-6, 1e-7}, inputs, sum_squares);
}
