// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/parallel.h"
#include "kernels/portable_math.h"
#include "nets/waveform.h"

using namespace limbic;

namespace {

std::vector<float> sine(double hz, int rate, int64_t n) {
  std::vector<float> x(n);
  for (int64_t i = 0; i < n; ++i)
    x[i] = 0.5f * static_cast<float>(portable_sincos(hz * static_cast<double>(i) / rate).sin);
  return x;
}

// A vocoder lets neighbouring bins drift out of step, which costs some loudness: hence the wide bounds on rms.
/// Frequency by upward zero crossings of the middle half, and the root mean square there.
struct Tone {
  double hz, rms;
};
Tone tone_of(const std::vector<float>& x, int rate) {
  const size_t from = x.size() / 4, to = 3 * x.size() / 4;
  double first = 0, last = 0, squares = 0;
  int crossings = 0;
  for (size_t i = from; i < to; ++i) {
    squares += static_cast<double>(x[i]) * x[i];
    if (x[i] < 0 && x[i + 1] >= 0) {
      const double at = static_cast<double>(i) + x[i] / static_cast<double>(x[i] - x[i + 1]);
      if (crossings++ == 0) first = at;
      last = at;
    }
  }
  return {(crossings - 1) * rate / (last - first), std::sqrt(squares / static_cast<double>(to - from))};
}

}  // namespace

TEST_CASE("time_stretch: changes the length and keeps pitch and loudness") {
  const auto x = sine(440, 48000, 48000);
  for (const double rate : {0.8, 1.0, 1.1, 1.25}) {
    const auto y = time_stretch(x, rate);
    INFO("rate " << rate);
    CHECK(y.size() == static_cast<size_t>(std::llround(48000 / rate)));
    CHECK(tone_of(y, 48000).hz == Approx(440).epsilon(2e-3));
    CHECK(tone_of(y, 48000).rms == Approx(0.5 / std::sqrt(2)).epsilon(0.12));
  }
  const auto same = time_stretch(x, 1);
  double worst = 0;
  for (size_t i = 0; i < x.size() - 2048; ++i) worst = std::max(worst, std::fabs(static_cast<double>(same[i]) - x[i]));
  CHECK(worst < 1e-5);
  CHECK_THROWS_AS(time_stretch(x, 0), Error);
}

TEST_CASE("pitch_shift: changes the pitch by semitones and keeps the length") {
  const auto x = sine(500, 48000, 48000);
  for (const double semitones : {-4.0, -0.5, 0.0, 3.0, 4.0}) {
    const auto y = pitch_shift(x, semitones);
    INFO("semitones " << semitones);
    CHECK(y.size() == x.size());
    CHECK(tone_of(y, 48000).hz == Approx(500 * std::pow(2, semitones / 12)).epsilon(2e-3));
    CHECK(tone_of(y, 48000).rms == Approx(0.5 / std::sqrt(2)).epsilon(0.12));
  }
}

TEST_CASE("resample: passes the band within 1e-4, stops what the new rate cannot hold") {
  for (const double ratio : {0.5, 2.0 / 3, 1.0, 1.5, 2.0, 1.234}) {
    INFO("ratio " << ratio);
    const auto x = sine(1000, 48000, 24000);
    const auto y = resample(x, ratio);
    CHECK(y.size() == static_cast<size_t>(std::ceil(24000 * ratio)));
    double worst = 0;
    for (size_t i = y.size() / 4; i < 3 * y.size() / 4; ++i) {
      worst =
          std::max(worst, std::fabs(y[i] - 0.5 * portable_sincos(1000 * (static_cast<double>(i) / ratio) / 48000).sin));
    }
    CHECK(worst < 1e-4);
  }
  CHECK(tone_of(resample(sine(14000, 48000, 24000), 0.5), 24000).rms < 1e-4);  // above 12 kHz
}

TEST_CASE("sound changes: noise has its amplitude, shift its zeros, and both the same bits everywhere") {
  Random random(1, 2);
  const auto y = add_noise(std::vector<float>(100000), 0.01f, random);
  double sum = 0, squares = 0;
  for (const float v : y) sum += v, squares += static_cast<double>(v) * v;
  CHECK(std::fabs(sum / 1e5) < 2e-4);
  CHECK(std::sqrt(squares / 1e5) == Approx(0.01).epsilon(0.02));
  Random again(1, 2);
  CHECK(add_noise(std::vector<float>(100000), 0.01f, again) == y);

  CHECK(shift({1, 2, 3, 4}, 1) == std::vector<float>{0, 1, 2, 3});
  CHECK(shift({1, 2, 3, 4}, -3) == std::vector<float>{4, 0, 0, 0});
  CHECK(shift({1, 2}, 9) == std::vector<float>{0, 0});

  set_threads(1);
  const auto one = pitch_shift(y, 1.7);
  set_threads(3);
  CHECK(pitch_shift(y, 1.7) == one);
  set_threads(2);
}
