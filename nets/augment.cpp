// SPDX-License-Identifier: Apache-2.0
#include "nets/augment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "kernels/portable_math.h"

namespace limbic {

namespace {

// Widths uniform in 0 ... limit - 1, starts uniform.
template <class Erase>
void stripes(Random& random, int64_t count, int64_t limit, int64_t extent, const Erase& erase) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t width = random.below(std::min(limit, extent));
    const int64_t start = random.below(extent - width);
    if (width) erase(start, start + width);
  }
}

/// A draw from Gamma(shape, 1): Marsaglia & Tsang 2000; below 1 by Gamma(shape + 1) U^(1 / shape).
double draw_gamma(double shape, Random& random) {
  const double positive = 1 - random.uniform();  // (0, 1]
  if (shape < 1) return draw_gamma(shape + 1, random) * portable_exp(portable_log(positive) / shape);
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), u = 1 - random.uniform(), v = (1 + c * x) * (1 + c * x) * (1 + c * x);
    if (v > 0 && portable_log(u) < 0.5 * x * x + d - d * v + d * portable_log(v)) return d * v;
  }
}

}  // namespace

void spec_augment(float* map, int64_t T, int64_t M, const SpecAugment& how, Random& random) {
  double sum = 0;
  for (int64_t i = 0; i < T * M; ++i) sum += map[i];
  const auto mean = static_cast<float>(sum / static_cast<double>(T * M));
  stripes(random, how.time_stripes, how.time_width, T,
          [&](int64_t from, int64_t end) { std::fill(map + from * M, map + end * M, mean); });
  stripes(random, how.mel_stripes, how.mel_width, M, [&](int64_t from, int64_t end) {
    for (int64_t t = 0; t < T; ++t) std::fill(map + t * M + from, map + t * M + end, mean);
  });
}

void flip_horizontally(float* picture, int64_t H, int64_t W, int64_t C) {
  for (int64_t y = 0; y < H; ++y) {
    float* row = picture + y * W * C;
    for (int64_t x = 0; x < W / 2; ++x) std::swap_ranges(row + x * C, row + (x + 1) * C, row + (W - 1 - x) * C);
  }
}

void jitter(const float* picture, int64_t H, int64_t W, int64_t C, const Jitter& how, Random& random, float* out) {
  const auto draw = [&](double limit) { return limit * (2.0 * random.uniform() - 1); };
  const double dy = draw(how.move) * static_cast<double>(H), dx = draw(how.move) * static_cast<double>(W);
  const double half = draw(how.turn) * 3.14159265358979 / 360, t = half + half * half * half / 3;  // tan(angle / 2)
  const double scale = (1 + draw(how.zoom)) / (1 + t * t);
  const double cosine = (1 - t * t) * scale, sine = 2 * t * scale;
  const double middle_y = static_cast<double>(H - 1) / 2, middle_x = static_cast<double>(W - 1) / 2;
  for (int64_t y = 0; y < H; ++y) {
    for (int64_t x = 0; x < W; ++x) {
      const double v = static_cast<double>(y) - middle_y, u = static_cast<double>(x) - middle_x;
      const double from_y = std::clamp(sine * u + cosine * v + middle_y + dy, 0.0, static_cast<double>(H - 1));
      const double from_x = std::clamp(cosine * u - sine * v + middle_x + dx, 0.0, static_cast<double>(W - 1));
      const auto top = static_cast<int64_t>(from_y), left = static_cast<int64_t>(from_x);
      const int64_t bottom = std::min(top + 1, H - 1), right = std::min(left + 1, W - 1);
      const auto down = static_cast<float>(from_y - static_cast<double>(top));
      const auto over = static_cast<float>(from_x - static_cast<double>(left));
      for (int64_t c = 0; c < C; ++c) {
        const auto at = [&](int64_t row, int64_t column) { return picture[(row * W + column) * C + c]; };
        const float above = at(top, left) + over * (at(top, right) - at(top, left));
        const float below = at(bottom, left) + over * (at(bottom, right) - at(bottom, left));
        out[(y * W + x) * C + c] = above + down * (below - above);
      }
    }
  }
}

void cutout(float* picture, int64_t H, int64_t W, int64_t C, double share, Random& random) {
  const int64_t y = random.below(H), x = random.below(W);
  const auto edge = [&](int64_t extent) {
    return static_cast<int64_t>(std::ceil(share * random.uniform() * static_cast<double>(extent)));
  };
  const int64_t height = edge(H), width = edge(W);
  const int64_t top = y - height / 2, left = x - width / 2;
  const int64_t from = std::max<int64_t>(0, left), to = std::min(W, left + width);
  for (int64_t row = std::max<int64_t>(0, top); row < std::min(H, top + height); ++row) {
    if (from < to) std::fill(picture + (row * W + from) * C, picture + (row * W + to) * C, 0.0f);
  }
}

float draw_mixup(double alpha, Random& random) {
  if (!(alpha > 0)) throw Error(ExitCode::usage, fmt::format("mixup: alpha is {}, wants more than 0", alpha));
  if (alpha == 1) return random.uniform();
  const double a = draw_gamma(alpha, random), b = draw_gamma(alpha, random);
  return static_cast<float>(a + b > 0 ? a / (a + b) : 0.5);
}

Tensor mixup(const Tensor& x, const std::vector<float>& shares) {
  const int64_t N = x.dim(0), size = N ? x.size() / N : 0;
  if (static_cast<int64_t>(shares.size()) != N) {
    throw Error(ExitCode::usage, fmt::format("mixup: {} clips and {} shares, wants one for each", N, shares.size()));
  }
  Tensor y = Tensor::empty(x.shape());
  for (int64_t n = 0; n < N; ++n) {
    const float *own = x.data() + n * size, *other = x.data() + (N - 1 - n) * size;
    float* mixed = y.data() + n * size;
    for (int64_t i = 0; i < size; ++i) mixed[i] = shares[n] * own[i] + (1 - shares[n]) * other[i];
  }
  return y;  // [N,...]
}

}  // namespace limbic
