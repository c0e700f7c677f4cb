// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "kernels/unary/unary_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// Distance from `got` to the true value in units of the last place of a float there.
double ulps(float got, double truth) {
  if (got == static_cast<float>(truth)) return 0;
  const float near = std::fabs(static_cast<float>(truth));
  return std::fabs(got - truth) / (double(std::nextafter(near, INFINITY)) - near);
}

/// Largest error over every `stride`-th float of [low, high].
double worst(Unary kind, float low, float high, Isa isa, float alpha = 1) {
  const UnaryDims d{1 << 16, kind, alpha};
  const auto run = unary_fwd_rungs()[0].run[static_cast<int>(isa)];
  std::vector<float> x, y(static_cast<size_t>(d.n));
  double largest = 0;
  const auto flush = [&] {
    const std::vector<double> wide(x.begin(), x.end());
    std::vector<double> truth(x.size());
    const UnaryDims part{static_cast<int64_t>(x.size()), kind, alpha};
    run(part, x.data(), y.data(), {});
    unary_fwd_v0_reference<double>(part, wide.data(), truth.data(), {});
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::fabs(truth[i]) >= 0x1p-126) largest = std::max(largest, ulps(y[i], truth[i]));
    }
    x.clear();
  };
  // floats as integers count through all of them, from small to large magnitude
  for (const float sign : {-1.0f, 1.0f}) {
    for (uint32_t bits = 0; bits < 0x7F800000; bits += 9973) {
      float v;
      std::memcpy(&v, &bits, 4);
      v *= sign;
      if (v < low || v > high) continue;
      x.push_back(v);
      if (x.size() == static_cast<size_t>(d.n)) flush();
    }
  }
  flush();
  return largest;
}

}  // namespace

TEST_CASE("simd_math: errors stay within the units in the last place that simd_math.h states") {
  const struct {
    const char* name;
    Unary kind;
    float low, high;
    double bound;
  } functions[] = {
      {"exp", Unary::exp, -104, 88.72f, 0.99},        {"expm1", Unary::elu, -1e30f, 0, 0.84},
      {"log", Unary::log, 1e-45f, 3.4e38f, 0.78},     {"tanh", Unary::tanh, -3.4e38f, 3.4e38f, 2.5},
      {"sigmoid", Unary::sigmoid, -87, 3.4e38f, 2.2},
  };
  for (const auto& f : functions) {
    for (const Isa isa : {Isa::avx2, Isa::avx512}) {
      if (!isa_supported(isa)) continue;
      const double error = worst(f.kind, f.low, f.high, isa);
      INFO(f.name << " " << isa_name(isa) << ": " << error << " ulp");
      CHECK(error <= f.bound);
    }
  }
}

TEST_CASE("simd_math: the ends of the line") {
  const float inf = INFINITY;
  const struct {
    Unary kind;
    float x, y;
  } points[] = {{Unary::exp, inf, inf},   {Unary::exp, -inf, 0},  {Unary::exp, 0, 1},       {Unary::exp, 89, inf},
                {Unary::log, 0, -inf},    {Unary::log, inf, inf}, {Unary::log, 1, 0},       {Unary::tanh, inf, 1},
                {Unary::tanh, -inf, -1},  {Unary::tanh, 0, 0},    {Unary::sigmoid, inf, 1}, {Unary::sigmoid, -inf, 0},
                {Unary::sigmoid, 0, 0.5f}};
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    for (const auto& p : points) {
      float y = NAN;
      unary_fwd_rungs()[0].run[static_cast<int>(isa)]({1, p.kind}, &p.x, &y, {});
      INFO("kind " << static_cast<int>(p.kind) << " of " << p.x);
      CHECK(y == p.y);
    }
    float y = 0;
    const float minus = -1;
    unary_fwd_rungs()[0].run[static_cast<int>(isa)]({1, Unary::log}, &minus, &y, {});
    CHECK(std::isnan(y));
  }
}
