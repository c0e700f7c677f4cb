// SPDX-License-Identifier: Apache-2.0
#include <numbers>

#include "kernels/parallel.h"
#include "kernels/portable_math.h"
#include "kernels/problems.h"
#include "kernels/stft/stft_v0_reference.h"
#include "tests/kernels/compare.h"

using namespace limbic;
using namespace limbic::test;

namespace {

std::vector<float> noise(int64_t n, uint64_t key) { return uniform(n, key, 0, -0.5f, 0.5f); }

std::vector<float> power(const Rung<StftDims, StftPower>& rung, Isa isa, const StftDims& d,
                         const std::vector<float>& x) {
  std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0), y(d.frames() * d.bins(), NAN);
  rung.run[static_cast<int>(isa)](d, x.data(), y.data(), scratch.data(), {});
  return y;
}

std::vector<float> reference(const StftDims& d, const std::vector<float>& x) {
  std::vector<float> scratch(stft_v0_reference_scratch(d)), y(d.frames() * d.bins());
  stft_fwd_v0_reference(d, x.data(), y.data(), scratch.data(), {});
  return y;
}

double dft_power(const StftDims& d, const std::vector<float>& x, int64_t t, int k) {
  double re = 0, im = 0;
  for (int i = 0; i < d.n_fft; ++i) {
    const int64_t s = d.source(t, i);
    if (s < 0) continue;
    const double turn = 2 * std::numbers::pi * (static_cast<int64_t>(k) * i % d.n_fft) / d.n_fft;
    const double v = x[s] * (0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / d.n_fft));
    re += v * std::cos(turn);
    im -= v * std::sin(turn);
  }
  return re * re + im * im;
}

}  // namespace

TEST_CASE("portable sine, cosine, exp and log agree with libm to 1e-15") {
  for (int i = -2000; i < 2000; ++i) {
    const double turns = i / 777.0, x = i / 30.0;
    CHECK(std::fabs(portable_sincos(turns).sin - std::sin(2 * std::numbers::pi * std::fmod(turns, 1))) < 2e-15);
    CHECK(std::fabs(portable_sincos(turns).cos - std::cos(2 * std::numbers::pi * std::fmod(turns, 1))) < 2e-15);
    CHECK(std::fabs(portable_exp(x) / std::exp(x) - 1) < 1e-15);
    CHECK(std::fabs(portable_log(std::exp(x)) - std::log(std::exp(x))) <= 1e-15 * std::max(1.0, std::fabs(x)));
  }
  CHECK(portable_sincos(0.25).cos == 0);
  CHECK(portable_sincos(0.5).sin == 0);
  CHECK(portable_log(1) == 0);
}

TEST_CASE("stft: the reference is the DFT of windowed frames") {
  for (const auto& [name, d] : stft_problems) {
    INFO(name);
    const auto x = noise(d.samples, 1);
    const auto y = reference(d, x);
    for (const int64_t t : {int64_t{0}, d.frames() / 2, d.frames() - 1}) {
      for (const int k : {0, 1, d.n_fft / 4, d.n_fft / 2 - 1, d.n_fft / 2}) {
        if (d.frames() > 0) CHECK(y[t * d.bins() + k] == Approx(dft_power(d, x, t, k)).margin(1e-9));
      }
    }
  }
}

TEST_CASE("stft: every rung agrees with the reference, at any thread count and instruction set with the same bits") {
  const int before = threads();
  for (const auto& [name, d] : stft_problems) {
    const auto x = noise(d.samples, 2);
    const auto truth = doubles(reference(d, x));
    const double largest = truth.empty() ? 0 : *std::max_element(truth.begin(), truth.end());
    for (const auto& rung : stft_fwd_rungs()) {
      if (rung.run[0]) continue;  // the reference itself
      std::vector<float> first;
      for (const Isa isa : isas_here()) {
        if (!serves(rung, d, Device::cpu, isa)) continue;
        for (const int count : {1, 2, 3, 8}) {
          set_threads(count);
          const auto y = power(rung, isa, d, x);
          const std::string what = std::string("stft fwd ") + rung.name + " " + isa_name(isa) + " '" + name + "' " +
                                   std::to_string(count) + " threads";
          if (first.empty()) first = y;
          expect_equal(what, other_bits(y, first));
          expect_equal(what, exceeds(y, truth, std::vector<double>(truth.size(), 2e-6 * largest)));
        }
      }
    }
  }
  set_threads(before);
}

TEST_CASE("stft: a full-scale sine peaks at (n_fft / 4)^2, a constant at (n_fft / 2)^2") {
  for (const int n_fft : {256, 512, 1024, 2048}) {
    const StftDims d{8 * n_fft, n_fft, n_fft / 2, Pad::none};
    std::vector<float> sine(d.samples), constant(d.samples, 1.0f);
    for (int64_t i = 0; i < d.samples; ++i) sine[i] = static_cast<float>(portable_sincos(i * 32.0 / n_fft).sin);
    const auto* rung = pick(stft_fwd_rungs(), {"stft", "fwd"}, d, Device::cpu);
    REQUIRE(rung);
    const double quarter = n_fft / 4;
    CHECK(power(*rung, active_isa(), d, sine)[32] == Approx(quarter * quarter).epsilon(1e-5));
    CHECK(power(*rung, active_isa(), d, constant)[0] == Approx(4 * quarter * quarter).epsilon(1e-5));
  }
}
