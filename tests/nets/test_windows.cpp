// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <numeric>

#include "nets/windows.h"

using namespace limbic;

namespace {

// Windows (start, length) of `total` samples at 10 Hz, pushed in chunks; their samples count up from 0.
std::vector<std::pair<int64_t, int64_t>> windows_of(int64_t total, int64_t chunk) {
  std::vector<std::pair<int64_t, int64_t>> out;
  WindowCutter cutter({.whole_s = 6, .window_s = 4, .hop_s = 2}, 10, [&](int64_t start, const float* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) REQUIRE(x[i] == static_cast<float>(start + i));
    out.emplace_back(start, n);
  });
  std::vector<float> sound(total);
  std::iota(sound.begin(), sound.end(), 0.0f);
  for (int64_t at = 0; at < total; at += chunk) cutter.push(sound.data() + at, std::min(chunk, total - at));
  cutter.finish();
  return out;
}

}  // namespace

TEST_CASE("a short recording is one window") {
  CHECK(windows_of(1, 7) == std::vector<std::pair<int64_t, int64_t>>{{0, 1}});
  CHECK(windows_of(60, 7) == std::vector<std::pair<int64_t, int64_t>>{{0, 60}});
  CHECK(windows_of(0, 7).empty());
}

TEST_CASE("a long recording is cut into windows, the last of which ends with it") {
  for (int64_t chunk : {1, 7, 40, 1000}) {
    INFO(chunk);
    CHECK(windows_of(80, chunk) == std::vector<std::pair<int64_t, int64_t>>{{0, 40}, {20, 40}, {40, 40}});
    CHECK(windows_of(61, chunk) == std::vector<std::pair<int64_t, int64_t>>{{0, 40}, {20, 40}, {21, 40}});
    CHECK(windows_of(95, chunk) == std::vector<std::pair<int64_t, int64_t>>{{0, 40}, {20, 40}, {40, 40}, {55, 40}});
  }
}

TEST_CASE("window answers are put together") {
  WindowMean answers;
  const float a[] = {0.2f, 0.8f}, b[] = {0.6f, 0.4f};
  answers.add(a, 2);
  answers.add(b, 2);
  CHECK(answers.mean()[0] == Approx(0.4));
  CHECK(answers.mean()[1] == Approx(0.6));
  CHECK(answers.max()[0] == Approx(0.6));
  CHECK(answers.max()[1] == Approx(0.8));
}
