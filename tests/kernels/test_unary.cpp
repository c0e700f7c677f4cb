// SPDX-License-Identifier: Apache-2.0
#include "kernels/unary/unary_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr Unary kinds[] = {Unary::relu, Unary::leaky_relu, Unary::elu,    Unary::sigmoid, Unary::tanh, Unary::exp,
                           Unary::log,  Unary::sqrt,       Unary::square, Unary::neg,     Unary::abs};

/// The list of problems.h with every length's kind set to the one wanted.
auto problems_of(Unary kind) {
  auto list = unary_problems;
  for (auto& problem : list) problem.dims.kind = kind;
  return list;
}

const auto forward = []<class T>(const UnaryDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(d.n)};
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

const auto backward = []<class T>(const UnaryDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(d.n)};
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), {});
  return out;
};

/// x, y, dy; no x within 1/1000 of the kink at 0.
Tensors<float> inputs(const UnaryDims& d) {
  const bool positive = d.kind == Unary::log || d.kind == Unary::sqrt;
  Tensors<float> in{uniform(d.n, seed, 0, positive ? 0.01f : -4.0f, 4.0f)};
  for (float& x : in[0]) x += std::fabs(x) < 1e-3f ? 0.01f : 0.0f;
  in.push_back(forward(d, unary_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))[0]);
  in.push_back(uniform(d.n, seed, 1, 0.5f, 1.5f));
  return in;
}

}  // namespace

TEST_CASE("unary: every rung agrees with f64, with the same bits everywhere") {
  for (const Unary kind : kinds) {
    INFO("kind " << static_cast<int>(kind));
    check_rungs({"unary", "fwd"}, problems_of(kind), unary_fwd_rungs(), unary_fwd_v0_reference<double>, {1e-6, 1e-7},
                inputs, forward);
    check_rungs({"unary", "bwd"}, problems_of(kind), unary_bwd_rungs(), unary_bwd_v0_reference<double>, {1e-6, 1e-7},
                inputs, backward);
  }
}

TEST_CASE("unary: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const Unary kind : kinds) {
    for (const auto& [name, d] : problems_of(kind)) {
      Tensors<double> in = widened(inputs(d));
      in[1] = forward(d, unary_fwd_v0_reference<double>, in, none)[0];
      const auto grads = backward(d, unary_bwd_v0_reference<double>, in, none);
      if (d.n > 5000) continue;
      check_gradient({"unary", "bwd"}, name, in, 0, in[2], grads[0], [&](const Tensors<double>& moved) {
        return forward(d, unary_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("unary: every function keeps a NaN in every rung") {
  for (const Unary kind : kinds) {
    const UnaryDims d{20, kind, 0.5f};
    for (const auto& rung : unary_fwd_rungs()) {
      for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
        if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
        std::vector<float> x(20, NAN), y(20, 0.0f);
        rung.run[static_cast<int>(isa)](d, x.data(), y.data(), {});
        INFO("kind " << static_cast<int>(kind) << ", " << rung.name << " " << isa_name(isa));
        CHECK(std::isnan(y[0]));
        CHECK(std::isnan(y[19]));
      }
    }
  }
}
