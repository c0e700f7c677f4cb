// SPDX-License-Identifier: Apache-2.0
#include "nets/augment.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/ops.h"

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

std::vector<float> draw_mixup(int64_t pairs, Random& random) {
  std::vector<float> weights;
  for (int64_t i = 0; i < pairs; ++i) {
    const float l = random.uniform();
    weights.push_back(l);
    weights.push_back(1.0f - l);
  }
  return weights;
}

Tensor mix(const Tensor& x, const std::vector<float>& weights) {
  const int64_t N = x.dim(0);
  if (N % 2 != 0 || static_cast<int64_t>(weights.size()) != N) {
    throw Error(ExitCode::usage, fmt::format("mixup: {} clips and {} weights, wants pairs of clips and a weight for each",
                                             N, weights.size()));
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
