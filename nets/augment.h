// SPDX-License-Identifier: Apache-2.0
// What is done to log-mel maps, and to pictures, anew for every batch of a training run. Changes to the sound itself
// are in waveform.h.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/random.h"
#include "engine/tensor.h"

namespace limbic {

/// Stripes that are erased: each as wide as a draw below `..._width`, anywhere. The PANNs were published with 2 of
/// each, widths 64 and 8.
struct SpecAugment {
  int64_t time_stripes = 0, time_width = 64;  ///< frames
  int64_t mel_stripes = 0, mel_width = 8;     ///< bins
};

/// SpecAugment (Park et al. 2019): erases stripes of one log-mel map [T,M], in place. They take the map's mean, so that
/// the batch norm that follows (bn0) sees no outliers; the PANNs put zeros behind it instead.
void spec_augment(float* map, int64_t T, int64_t M, const SpecAugment& how, Random& random);

/// Left and right of a picture [H,W,C] change places.
void flip_horizontally(float* picture, int64_t H, int64_t W, int64_t C);

/// How far a face may stand from where it is looked for: each a limit of a uniform draw to both sides.
struct Jitter {
  double move = 0;  ///< share of an edge
  double turn = 0;  ///< degrees
  double zoom = 0;  ///< share of the size
};

/// A picture [H,W,C] moved, turned and zoomed about its middle, bilinear; outside it its border goes on -> out [H,W,C].
void jitter(const float* picture, int64_t H, int64_t W, int64_t C, const Jitter& how, Random& random, float* out);

/// Cutout as keras-cv's RandomCutout makes it: a rectangle of up to `share` of each edge becomes zeros, wherever its
/// centre falls, cut off at the picture's edges. picture [H,W,C].
void cutout(float* picture, int64_t H, int64_t W, int64_t C, double share, Random& random);

/// How much of the first of two mixed clips is kept, from Beta(alpha, alpha): 1 is uniform in [0,1), less is nearer to
/// the ends. Throws Error(ExitCode::usage) unless alpha is above 0.
float draw_mixup(double alpha, Random& random);

/// Mixup (Zhang et al. 2018): each clip with its mirror image in the batch, shares[n] x[n] + (1 - shares[n]) x[N-1-n].
/// x [N,...]: maps, or soft labels with the same shares.
Tensor mixup(const Tensor& x, const std::vector<float>& shares);

}  // namespace limbic
