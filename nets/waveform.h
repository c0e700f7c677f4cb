// SPDX-License-Identifier: Apache-2.0
// Changes to a sound that leave its meaning: what system 2's training set is enlarged with (audiomentations 0.28 over
// librosa). Only + - * / and sqrt and tables made from those: the same bits on every machine.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/random.h"

namespace limbic {

/// x + amplitude * N(0,1). System 2: amplitude uniform in [0.001, 0.015).
std::vector<float> add_noise(const std::vector<float>& x, float amplitude, Random& random);

/// `rate` times as fast at the same pitch, round(n / rate) samples: a phase vocoder with 2048-sample windows every 512
/// (Flanagan & Golden 1966; frames as librosa 0.9 has them). System 2: rate uniform in [0.8, 1.25).
std::vector<float> time_stretch(const std::vector<float>& x, double rate);

/// Higher by `semitones` at the same length: stretched, then resampled. System 2: uniform in [-4, 4).
std::vector<float> pitch_shift(const std::vector<float>& x, double semitones);

/// Later by `by` samples (earlier if negative), zeros where nothing is left. System 2: a quarter of the clip.
std::vector<float> shift(const std::vector<float>& x, int64_t by);

/// ceil(n * ratio) samples at `ratio` times the rate. Band-limited: a sinc of 64 zero crossings under a Kaiser window,
/// beta 14.77, roll-off 0.9476 (resampy's kaiser_best; Smith, "Digital Audio Resampling").
std::vector<float> resample(const std::vector<float>& x, double ratio);

}  // namespace limbic
