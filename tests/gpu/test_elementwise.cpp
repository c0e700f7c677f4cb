// SPDX-License-Identifier: Apache-2.0
// unary, binary, reduce and softmax on the GPU, or as if on one.
#include "tests/gpu/bf16.h"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr int64_t most = 19000;  // elements a case, one CUDA thread each

/// Cuts the longest axis in half until at most `most` elements are left.
BinaryDims scaled(BinaryDims d) {
  while (binary::size_of(d) > most) *std::max_element(d.shape, d.shape + d.rank) /= 2;
  for (int64_t axis = d.rank - 1, a = 1, b = 1; axis >= 0; --axis) {
    if (d.stride_a[axis]) d.stride_a[axis] = a, a *= d.shape[axis];
    if (d.stride_b[axis]) d.stride_b[axis] = b, b *= d.shape[axis];
  }
  return d;
}

UnaryDims scaled(UnaryDims d) {
  d.n = std::min(d.n, most);
  return d;
}

CastDims scaled(CastDims d) { return {std::min(d.n, most)}; }

ReduceDims scaled(ReduceDims d) {
  while (d.outer * d.n * d.inner > most) {
    int64_t& longest = d.n >= d.outer && d.n >= d.inner ? d.n : d.outer > d.inner ? d.outer : d.inner;
    longest = longest / 2 + 1;
  }
  // a block of 256 threads a row
  d.outer = std::min<int64_t>(d.outer, 60);
  return d;
}

SoftmaxDims scaled(SoftmaxDims d) {
  d.rows = std::min<int64_t>(d.rows, 60);
  return d;
}

const auto scale = [](const auto& d) { return scaled(d); };

}  // namespace

TEST_CASE("unary: every CUDA rung agrees with f64") {
  for (const Unary kind : test::unary::kinds) {
    INFO("kind " << static_cast<int>(kind));
    const auto problems = test::unary::problems_of(kind);
    check_gpu_rungs({"unary", "fwd"}, problems, unary_fwd_rungs(), unary_fwd_v0_reference<double>, test::unary::inputs,
                    test::unary::forward, scale, within({"unary", "fwd"}, {1e-6, 1e-7}));
    check_gpu_rungs({"unary", "bwd"}, problems, unary_bwd_rungs(), unary_bwd_v0_reference<double>, test::unary::inputs,
                    test::unary::backward, scale, within({"unary", "bwd"}, {1e-6, 1e-7}));
  }
}

TEST_CASE("unary: every CUDA rung of numbers stored in bf16 agrees with f64") {
  constexpr StoredAs<bf16> stored;
  const Pass fwd{"unary", "fwd_bf16"}, bwd{"unary", "bwd_bf16"};
  const auto inputs = rounded_inputs(test::unary::inputs, {0, 1, 2});
  for (const Unary kind : test::unary::kinds) {
    INFO("kind " << static_cast<int>(kind));
    const auto problems = test::unary::problems_of(kind);
    check_gpu_rungs(fwd, problems, unary_fwd_rungs(stored), unary_fwd_v0_reference<double>, inputs,
                    test::unary::forward, scale, within_rounding(fwd, {1e-6, 1e-7}, {0}));
    check_gpu_rungs(bwd, problems, unary_bwd_rungs(stored), unary_bwd_v0_reference<double>, inputs,
                    test::unary::backward, scale, within_rounding(bwd, {1e-6, 1e-7}, {0}));
  }
}

TEST_CASE("cast: every CUDA rung rounds as the CPU does, and back is exact") {
  const auto same = [](const auto& rung, const char* problem, const CastDims& d, const Tensors<float>& in,
                       const Tensors<float>& got, const Tensors<double>&) {
    report({"cast", "narrow"}, rung.name, problem + std::to_string(d.n), other_bits(got[0], rounded(in[0])));
  };
  const auto inputs = [](const CastDims& d) { return Tensors<float>{uniform(d.n, seed)}; };
  const auto call = []<class Buffer>(const CastDims& d, auto run, const std::vector<Buffer>& in, auto*) {
    std::vector<Buffer> out;
    out.emplace_back(in[0].size());
    run(d, in[0].data(), out[0].data(), {});
    return out;
  };
  constexpr auto in_double = [](const CastDims& d, const double* x, double* y, Stream) { std::copy_n(x, d.n, y); };
  check_gpu_rungs({"cast", "narrow"}, cast_problems, cast_narrow_rungs(), +in_double, inputs, call, scale, same);
  check_gpu_rungs({"cast", "widen"}, cast_problems, cast_widen_rungs(), +in_double, inputs, call, scale, same);
}

TEST_CASE("unary: on the GPU too a kink's derivative is the reference's") {
  for (const Unary kind : {Unary::relu, Unary::leaky_relu, Unary::elu, Unary::abs}) {
    INFO("kind " << static_cast<int>(kind));
    const UnaryDims d{3, kind, 0.3f};
    Tensors<float> in{{0, -0.0f, 2}, {}, {1, 2, 3}};
    in[1] = test::unary::forward(d, unary_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))[0];
    const auto dx = test::unary::backward(d, unary_bwd_v0_reference<float>, in, static_cast<float*>(nullptr));
    for (const auto& rung : unary_bwd_rungs()) {
      if (!runs_here(rung)) continue;
      device_under_test = rung.device;
      INFO(rung.name);
      CHECK(run_on_device(d, rung, in, test::unary::backward) == dx);
    }
  }
}

TEST_CASE("binary: every CUDA rung agrees with f64") {
  for (const Binary kind : {Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::max}) {
    INFO("kind " << static_cast<int>(kind));
    auto problems = std::to_array(binary_problems);
    for (auto& problem : problems) problem.dims.kind = kind;
    check_gpu_rungs({"binary", "fwd"}, problems, binary_fwd_rungs(), binary_fwd_v0_reference<double>,
                    test::binary::inputs, test::binary::forward, scale, within({"binary", "fwd"}, {1e-6, 1e-7}));
    check_gpu_rungs({"binary", "bwd"}, problems, binary_bwd_rungs(), binary_bwd_v0_reference<double>,
                    test::binary::inputs, test::binary::backward, scale, within({"binary", "bwd"}, {1e-5, 1e-5}));
  }
}

TEST_CASE("reduce: every CUDA rung agrees with f64") {
  check_gpu_rungs({"reduce", "fwd"}, reduce_problems, reduce_fwd_rungs(), reduce_fwd_v0_reference<double>,
                  test::reduce::inputs, test::reduce::forward, scale, within({"reduce", "fwd"}, {1e-5, 1e-5}));
  check_gpu_rungs({"reduce", "bwd"}, reduce_problems, reduce_bwd_rungs(), reduce_bwd_v0_reference<double>,
                  test::reduce::inputs, test::reduce::backward, scale, within({"reduce", "bwd"}, {1e-6, 1e-6}));
}

TEST_CASE("reduce: on the GPU too the first of equals wins, and the first NaN wins over numbers") {
  for (const auto& rung : reduce_fwd_rungs()) {
    for (const int64_t inner : {1, 3}) {
      const ReduceDims d{1, 600, inner, ReduceKind::max};
      if (rung.device != Device::emu || !serves(rung, d, Device::emu, Isa::reference)) continue;
      device_under_test = Device::emu;
      INFO(rung.name << ", inner " << inner);
      std::vector<float> x(static_cast<size_t>(600 * inner), -2.0f);
      const auto winner = [&] { return run_on_device(d, rung, {x}, test::reduce::forward)[1][0]; };
      CHECK(winner() == 0);
      x[static_cast<size_t>(320 * inner)] = x[static_cast<size_t>(290 * inner)] = 5;
      CHECK(winner() == 290);
      x[static_cast<size_t>(500 * inner)] = x[static_cast<size_t>(450 * inner)] = NAN;
      CHECK(winner() == 450);
    }
  }
}

TEST_CASE("softmax: every CUDA rung agrees with f64") {
  check_gpu_rungs({"softmax", "fwd"}, softmax_problems, softmax_fwd_rungs(), softmax_fwd_v0_reference<double>,
                  test::softmax::inputs, test::softmax::forward, scale, within({"softmax", "fwd"}, {2e-6, 1e-7}));
  check_gpu_rungs({"softmax", "bwd"}, softmax_problems, softmax_bwd_rungs(), softmax_bwd_v0_reference<double>,
                  test::softmax::inputs, test::softmax::backward, scale, within({"softmax", "bwd"}, {2e-6, 1e-6}));
}
