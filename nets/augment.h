// SPDX-License-Identifier: Apache-2.0
// SpecAugment and mixup at the place where the PANNs have them: on the normalised log-mel, after bn0 (facts: Kong et
// al., arXiv 1912.10211, and the code published with it). Changes to the sound itself are in waveform.h.
#pragma once
#include <vector>

#include "engine/random.h"
#include "engine/tensor.h"
#include "nets/waveform.h"

namespace limbic {

/// Stripes of zeros, for each clip its own: width below `..._width`, anywhere. Published: 2 of each, widths 64 and 8.
struct SpecAugment {
  int time_stripes = 0, time_width = 64;
  int mel_stripes = 0, mel_width = 8;
  bool on() const { return time_stripes > 0 || mel_stripes > 0; }
};

struct Augmentation {
  SpecAugment spec;
  /// Mixup: one weight a clip, [l0, 1-l0, l1, 1-l1, ...]; clips 2i and 2i+1 become one. Empty: no mixup.
  std::vector<float> mixup;
};

/// Masks x [N,T,M] with streams of the random state.
Tensor spec_augment(const Tensor& x, const SpecAugment& how);

/// Weights for `pairs` pairs, l from Beta(alpha, alpha); the published alpha 1 is uniform in [0,1).
std::vector<float> draw_mixup(int64_t pairs, Random& random, double alpha = 1);

/// x [2B,...] -> [B,...]: weighted sums of neighbours. Also for targets [2B,C].
Tensor mix(const Tensor& x, const std::vector<float>& weights);

/// Both, in the published order.
Tensor augment(const Tensor& x, const Augmentation& how);

}  // namespace limbic
