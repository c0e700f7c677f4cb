// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "nets/augment.h"

using namespace limbic;

TEST_CASE("SpecAugment gives whole stripes of its widths the map's mean and leaves the rest alone") {
  constexpr int T = 100, M = 64;
  Random random(3, 1);
  Tensor before = Tensor::empty({T, M});
  for (int64_t i = 0; i < before.size(); ++i) before.data()[i] = random.uniform(-80, 0);
  double sum = 0;
  for (const float v : before.to_vector()) sum += v;
  std::set<std::vector<float>> results;
  for (int clip = 0; clip < 4; ++clip) {
    Tensor map = before.clone();
    spec_augment(map.data(), T, M, {.time_stripes = 2, .time_width = 20, .mel_stripes = 2}, random);
    const auto v = map.to_vector(), old = before.to_vector();
    std::set<int> frames, mels;  // that have a changed element
    int kept = 0;
    for (int t = 0; t < T; ++t) {
      int changed = 0;
      for (int m = 0; m < M; ++m) changed += v[t * M + m] != old[t * M + m];
      if (changed == M) frames.insert(t);
    }
    for (int i = 0; i < T * M; ++i) {
      if (v[i] == old[i]) {
        ++kept;
        continue;
      }
      CHECK(v[i] == Approx(sum / (T * M)));
      if (!frames.count(i / M)) mels.insert(i % M);
    }
    CHECK(frames.size() <= 2 * 19);
    CHECK(mels.size() <= 2 * 7);
    CHECK(kept == (T - static_cast<int>(frames.size())) * (M - static_cast<int>(mels.size())));  // whole stripes
    results.insert(v);
  }
  CHECK(results.size() == 4);
}

TEST_CASE("mixup draws its shares from Beta(alpha, alpha)") {
  for (const double alpha : {0.2, 1.0, 3.0}) {
    Random random(5, 6);
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; ++i) {
      const float share = draw_mixup(alpha, random);
      REQUIRE((share >= 0 && share <= 1));
      sum += share, squares += static_cast<double>(share) * share;
    }
    const double mean = sum / 20000, variance = squares / 20000 - mean * mean;
    INFO("alpha " << alpha);
    CHECK(mean == Approx(0.5).margin(0.01));
    CHECK(variance == Approx(1 / (4 * (2 * alpha + 1))).epsilon(0.03));
  }
  Random random(5, 6);
  CHECK_THROWS_AS(draw_mixup(0, random), Error);
}

TEST_CASE("mixup blends each clip with its mirror image") {
  const Tensor x = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(mixup(x, {0.25f, 0.5f, 1}).to_vector() == std::vector<float>{4, 5, 3, 4, 5, 6});
  CHECK_THROWS_WITH(mixup(x, {0.5f}), Catch::Contains("3 clips and 1 shares"));
}

TEST_CASE("flipping a picture mirrors its columns, and twice is none") {
  std::vector<float> picture = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60};  // [2,3,2]
  const auto before = picture;
  flip_horizontally(picture.data(), 2, 3, 2);
  CHECK(picture == std::vector<float>{3, 30, 2, 20, 1, 10, 6, 60, 5, 50, 4, 40});
  flip_horizontally(picture.data(), 2, 3, 2);
  CHECK(picture == before);
}

TEST_CASE("jitter moves, turns and zooms about the middle, within its limits, and goes on with the border") {
  constexpr int64_t S = 21;
  const auto spot = [](int64_t y, int64_t x) {  // two channels, the second twice the first
    std::vector<float> picture(S * S * 2);
    picture[(y * S + x) * 2] = 1, picture[(y * S + x) * 2 + 1] = 2;
    return picture;
  };
  const auto middle_of_mass = [](const std::vector<float>& p) {
    double sum = 0, y = 0, x = 0;
    for (int64_t i = 0; i < S * S; ++i) {
      REQUIRE(p[2 * i + 1] == 2 * p[2 * i]);
      sum += p[2 * i], y += p[2 * i] * static_cast<double>(i / S), x += p[2 * i] * static_cast<double>(i % S);
    }
    REQUIRE(sum > 0);
    return std::pair{y / sum - 10, x / sum - 10};
  };
  std::vector<float> out(S * S * 2);
  double farthest = 0, widest = 0, nearest = 9, outermost = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, 0);
    jitter(spot(10, 10).data(), S, S, 2, {.move = 0.2}, random, out.data());
    const auto [y, x] = middle_of_mass(out);
    farthest = std::max({farthest, std::abs(y), std::abs(x)});
    jitter(spot(10, 16).data(), S, S, 2, {.turn = 30}, random, out.data());
    const auto [up, right] = middle_of_mass(out);
    CHECK_THAT(std::hypot(up, right), Catch::WithinAbs(6, 0.35));
    widest = std::max(widest, std::abs(std::atan2(up, right)) * 180 / 3.14159265);
    jitter(spot(10, 16).data(), S, S, 2, {.zoom = 0.25}, random, out.data());
    const auto [none, away] = middle_of_mass(out);
    CHECK_THAT(none, Catch::WithinAbs(0, 0.2));
    nearest = std::min(nearest, away), outermost = std::max(outermost, away);
  }
  CHECK((farthest > 3.8 && farthest <= 4.2 + 0.01));
  CHECK((widest > 27 && widest < 32));
  CHECK((nearest > 4.5 && nearest < 5.1 && outermost > 7.4 && outermost < 8.3));

  const std::vector<float> grey(S * S * 2, 0.25f);  // the border goes on: nothing is black
  Random random(1, 0);
  jitter(grey.data(), S, S, 2, {.move = 0.5, .turn = 45, .zoom = 0.5}, random, out.data());
  CHECK(out == grey);
}

TEST_CASE("cutout erases one rectangle of at most its share, anywhere, in every channel") {
  constexpr int64_t H = 20, W = 30, C = 2;
  Random random(7, 1);
  std::set<int64_t> heights, widths;
  std::vector<int> erased(H * W);
  for (int i = 0; i < 3000; ++i) {
    std::vector<float> picture(H * W * C, 1.0f);
    cutout(picture.data(), H, W, C, 0.4, random);
    int64_t top = H, bottom = 0, left = W, right = 0, zeros = 0;
    for (int64_t p = 0; p < H * W; ++p) {
      REQUIRE(picture[p * C] == picture[p * C + 1]);
      if (picture[p * C] != 0) continue;
      ++zeros, ++erased[p];
      top = std::min(top, p / W), bottom = std::max(bottom, p / W + 1), left = std::min(left, p % W),
      right = std::max(right, p % W + 1);
    }
    if (zeros == 0) continue;
    CHECK(zeros == (bottom - top) * (right - left));
    heights.insert(bottom - top), widths.insert(right - left);
  }
  CHECK(*heights.begin() == 1);
  CHECK(*heights.rbegin() == 8);  // ceil(0.4 * 20)
  CHECK(*widths.rbegin() == 12);
  CHECK(*std::min_element(erased.begin(), erased.end()) > 0);  // the corners, too
}
