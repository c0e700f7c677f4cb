// SPDX-License-Identifier: Apache-2.0
#include "nets/augment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops.h"
#include "kernels/portable_math.h"

namespace limbic {

Tensor spec_augment(const Tensor& x, const SpecAugment& how) {
  const int64_t N = x.dim(0), T = x.dim(1), M = x.dim(2);
  Random random(random_state().seed, next_random_stream());
  Tensor mask = Tensor::full({N, T, M}, 1.0f);
  float* kept = mask.data();
  for (int64_t n = 0; n < N; ++n) {
    float* clip = kept + n * T * M;
    for (int i = 0; i < how.time_stripes; ++i) {
      const int64_t width = random.below(std::min<int64_t>(how.time_width, T));
      const int64_t start = random.below(T - width);
      std::fill_n(clip + start * M, width * M, 0.0f);
    }
    for (int i = 0; i < how.mel_stripes; ++i) {
      const int64_t width = random.below(std::min<int64_t>(how.mel_width, M));
      const int64_t start = random.below(M - width);
      for (int64_t t = 0; t < T; ++t) std::fill_n(clip + t * M + start, width, 0.0f);
    }
  }
  return x * mask;  // [N,T,M]
}

namespace {

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

double draw_beta(double alpha, Random& random) {
  if (alpha == 1) return random.uniform();
  const double a = draw_gamma(alpha, random), b = draw_gamma(alpha, random);
  return a + b > 0 ? a / (a + b) : 0.5;
}

}  // namespace

std::vector<float> draw_mixup(int64_t pairs, Random& random, double alpha) {
  if (!(alpha > 0)) throw Error(ExitCode::usage, fmt::format("mixup: alpha is {}, wants more than 0", alpha));
  std::vector<float> weights;
  for (int64_t i = 0; i < pairs; ++i) {
    const auto l = static_cast<float>(draw_beta(alpha, random));
    weights.push_back(l);
    weights.push_back(1.0f - l);
  }
  return weights;
}

Tensor mix(const Tensor& x, const std::vector<float>& weights) {
  const int64_t N = x.dim(0);
  if (N % 2 != 0 || static_cast<int64_t>(weights.size()) != N) {
    throw Error(
        ExitCode::usage,
        fmt::format("mixup: {} clips and {} weights, wants pairs of clips and a weight for each", N, weights.size()));
  }
  const Tensor weighted = reshape(x, {N / 2, 2, -1}) * Tensor::from({N / 2, 2, 1}, weights);  // [B,2,F]
  Shape mixed = x.shape();
  mixed[0] = N / 2;
  return reshape(sum(weighted, {1}), mixed);  // [B,...]
}

Tensor augment(const Tensor& x, const Augmentation& how) {
  Tensor y = how.spec.on() ? spec_augment(x, how.spec) : x;  // [N,T,M]
  return how.mixup.empty() ? y : mix(y, how.mixup);          // [N or N/2,T,M]
}

}  // namespace limbic
