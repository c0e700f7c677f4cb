// SPDX-License-Identifier: Apache-2.0
// The pictures of a report: emotions over time, a spectrogram, small pixels.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "tools/prediction/emotions.h"

namespace limbic {

/// "data:image/png;base64,..." of 8-bit pixels [height, width, channels].
std::string png_uri(const uint8_t* pixels, int width, int height, int channels);

/// What is believed from `start_s` on, until the next moment or the end.
struct Moment {
  double start_s = 0;
  bool known = false;
  EmotionProbabilities probabilities{};
};

/// Emotions over time as layers that fill the height, widest where most probable; empty where nothing is known. SVG.
std::string timeline_svg(const std::vector<Moment>& moments, double end_s);

/// The colour of an emotion: "#4c78a8".
const char* emotion_color(size_t emotion);

/// Each emotion as a bar of its share. SVG.
std::string bars_svg(const EmotionProbabilities& p);

/// Weights over time as a filled curve; `times` and `weights` have the same length. SVG.
std::string weights_svg(const std::vector<double>& times, const std::vector<double>& weights, double end_s);

/// A log-mel [T,M] in dB as a PNG: time to the right, low mels at the bottom, the 80 dB below the loudest from dark to
/// light; every `T / width` frames their loudest.
std::string log_mel_uri(const Tensor& map, int width);

/// Grey pixels of numbers from `low` to `high`.
std::vector<uint8_t> grey_bytes(const float* values, int64_t count, int64_t stride, float low, float high);

}  // namespace limbic
