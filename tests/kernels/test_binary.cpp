// SPDX-License-Identifier: Apache-2.0
#include "kernels/binary/binary_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

int64_t size_of(const BinaryDims& d) {
  int64_t n = 1;
  for (int i = 0; i < d.rank; ++i) n *= d.shape[i];
  return n;
}

const auto forward = []<class T>(const BinaryDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(size_of(d))};
  run(d, in[0].data(), in[1].data(), out[0].data(), {});
  return out;
};

const auto backward = []<class T>(const BinaryDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{std::vector<T>(in[0].size(), T(7)), std::vector<T>(in[1].size(), T(7))};
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), out[1].data(), {});
  // one at a time gives the same
  Tensors<T> apart{std::vector<T>(in[0].size()), std::vector<T>(in[1].size())};
  run(d, in[0].data(), in[1].data(), in[2].data(), apart[0].data(), static_cast<T*>(nullptr), {});
  run(d, in[0].data(), in[1].data(), in[2].data(), static_cast<T*>(nullptr), apart[1].data(), {});
  CHECK(apart == out);
  return out;
};

/// a, b, dy.
Tensors<float> inputs(const BinaryDims& d) {
  return {uniform(broadcast_size(d, d.stride_a), seed, 0, 0.5f, 2),
          uniform(broadcast_size(d, d.stride_b), seed, 1, 0.5f, 2), uniform(size_of(d), seed, 2)};
}

}  // namespace

TEST_CASE("binary: every rung agrees with f64, with the same bits everywhere") {
  for (const Binary kind : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::max}) {
    auto problems = std::to_array(binary_problems);
    for (auto& problem : problems) problem.dims.kind = kind;
    check_rungs({"binary", "fwd"}, problems, binary_fwd_rungs(), binary_fwd_v0_reference<double>, {1e-6, 1e-7}, inputs,
                forward);
    // the float v0 adds up 20000 terms one by one
    check_rungs({"binary", "bwd"}, problems, binary_bwd_rungs(), binary_bwd_v0_reference<double>, {1e-5, 1e-5}, inputs,
                backward);
  }
}

TEST_CASE("binary: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : binary_problems) {
    const auto in = widened(inputs(d));
    const auto grads = backward(d, binary_bwd_v0_reference<double>, in, none);
    for (size_t side = 0; side < 2; ++side) {
      check_gradient({"binary", "bwd"}, name, in, side, in[2], grads[side], [&](const Tensors<double>& moved) {
        return forward(d, binary_fwd_v0_reference<double>, moved, none)[0];
      });
    }
  }
}

TEST_CASE("binary: equal inputs of a maximum share the gradient") {
  const auto& d = binary_problems[5].dims;  // [16] max [16]
  REQUIRE(d.kind == Binary::max);
  const std::vector<float> a(16, 2.0f), dy(16, 3.0f);
  for (const auto& rung : binary_bwd_rungs()) {
    if (!serves(rung, d, Device::cpu, active_isa())) continue;
    std::vector<float> da(16), db(16);
    rung.run[static_cast<int>(active_isa())](d, a.data(), a.data(), dy.data(), da.data(), db.data(), {});
    CHECK(da == std::vector<float>(16, 1.5f));
    CHECK(db == std::vector<float>(16, 1.5f));
  }
}
