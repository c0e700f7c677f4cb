// SPDX-License-Identifier: Apache-2.0
// softmax, cross_entropy and bce.
#include "kernels/bce/bce_v0_reference.h"
#include "kernels/cross_entropy/cross_entropy_v0_reference.h"
#include "tests/kernels/cases.h"

using namespace limbic;
using namespace limbic::test;

namespace {

auto entropy_forward(bool weighted) {
  return [=]<class T>(const CrossEntropyDims& d, auto* run, const Tensors<T>& in, T*) {
    Tensors<T> out{std::vector<T>(d.rows), std::vector<T>(d.rows)};
    run(d, in[0].data(), in[1].data(), weighted ? in[2].data() : nullptr, out[0].data(), out[1].data(), {});
    return out;
  };
}
auto entropy_backward(bool weighted) {
  return [=]<class T>(const CrossEntropyDims& d, auto* run, const Tensors<T>& in, T*) {
    Tensors<T> out{std::vector<T>(d.rows * d.C)};
    run(d, in[0].data(), in[1].data(), weighted ? in[2].data() : nullptr, in[3].data(), out[0].data(), {});
    return out;
  };
}

/// logits, soft targets (rows add up to 1), class weights, dloss.
Tensors<float> entropy_inputs(const CrossEntropyDims& d) {
  Tensors<float> in{uniform(d.rows * d.C, seed, 0, -5, -1), uniform(d.rows * d.C, seed, 1, 0, 1),
                    uniform(d.C, seed, 2, 0.5f, 2), uniform(d.rows, seed, 3, 0.5f, 1)};
  for (int64_t r = 0; r < d.rows; ++r) {
    float total = 0;
    for (int c = 0; c < d.C; ++c) total += in[1][r * d.C + c];
    for (int c = 0; c < d.C; ++c) in[1][r * d.C + c] /= total;
  }
  return in;
}

const auto bce_forward = []<class T>(const BceDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(d.n)};
  run(d, in[0].data(), in[1].data(), out[0].data(), {});
  return out;
};
const auto bce_backward = []<class T>(const BceDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(d.n)};
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), {});
  return out;
};

/// p, target, dloss.
Tensors<float> bce_inputs(const BceDims& d) {
  return {uniform(d.n, seed, 0, 0.01f, 0.99f), uniform(d.n, seed, 1, 0, 1), uniform(d.n, seed, 2)};
}

double* const none = nullptr;

}  // namespace

TEST_CASE("softmax: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"softmax", "fwd"}, softmax_problems, softmax_fwd_rungs(), softmax_fwd_v0_reference<double>, {2e-6, 1e-7},
              softmax::inputs, softmax::forward);
  check_rungs({"softmax", "bwd"}, softmax_problems, softmax_bwd_rungs(), softmax_bwd_v0_reference<double>, {2e-6, 1e-6},
              softmax::inputs, softmax::backward);
}

TEST_CASE("softmax: v0's gradients are those of its forward") {
  for (const auto& [name, d] : softmax_problems) {
    auto in = widened(softmax::inputs(d));
    in[1] = softmax::forward(d, softmax_fwd_v0_reference<double>, in, none)[0];
    const auto grads = softmax::backward(d, softmax_bwd_v0_reference<double>, in, none);
    check_gradient({"softmax", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
      return softmax::forward(d, softmax_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("cross_entropy: every rung agrees with f64, with the same bits everywhere") {
  for (const bool weighted : {false, true}) {
    check_rungs({"cross_entropy", "fwd"}, cross_entropy_problems, cross_entropy_fwd_rungs(),
                cross_entropy_fwd_v0_reference<double>, {2e-6, 1e-6}, entropy_inputs, entropy_forward(weighted));
    check_rungs({"cross_entropy", "bwd"}, cross_entropy_problems, cross_entropy_bwd_rungs(),
                cross_entropy_bwd_v0_reference<double>, {2e-6, 1e-6}, entropy_inputs, entropy_backward(weighted));
  }
}

TEST_CASE("cross_entropy: v0's gradients are those of its forward") {
  for (const bool weighted : {false, true}) {
    for (const auto& [name, d] : cross_entropy_problems) {
      const auto in = widened(entropy_inputs(d));
      const auto grads = entropy_backward(weighted)(d, cross_entropy_bwd_v0_reference<double>, in, none);
      check_gradient({"cross_entropy", "bwd"}, name, in, 0, in[3], grads[0], [&](const Tensors<double>& moved) {
        return entropy_forward(weighted)(d, cross_entropy_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("bce: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"bce", "fwd"}, bce_problems, bce_fwd_rungs(), bce_fwd_v0_reference<double>, {1e-6, 1e-7}, bce_inputs,
              bce_forward);
  check_rungs({"bce", "bwd"}, bce_problems, bce_bwd_rungs(), bce_bwd_v0_reference<double>, {1e-6, 1e-7}, bce_inputs,
              bce_backward);
}

TEST_CASE("bce: v0's gradients are those of its forward") {
  for (const auto& [name, d] : bce_problems) {
    const auto in = widened(bce_inputs(d));
    const auto grads = bce_backward(d, bce_bwd_v0_reference<double>, in, none);
    check_gradient({"bce", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
      return bce_forward(d, bce_fwd_v0_reference<double>, moved, none)[0];
    });
  }
}

TEST_CASE("bce: certain and wrong costs 100, certain and right nothing") {
  const std::vector<float> p{0, 1, 0, 1}, t{1, 0, 0, 1};
  for (const auto& rung : bce_fwd_rungs()) {
    if (!serves(rung, {4}, Device::cpu, active_isa())) continue;
    std::vector<float> loss(4);
    rung.run[static_cast<int>(active_isa())]({4}, p.data(), t.data(), loss.data(), {});
    CHECK(loss == std::vector<float>{100, 100, 0, 0});
  }
}
