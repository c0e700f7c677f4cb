// SPDX-License-Identifier: Apache-2.0
// A voice out of nothing: a glottal pulse through formant resonators (after Klatt, JASA 67(3), 1980), whose pitch, pace
// and breath an emotion changes. Toys for lessons and tests, not a model of real voices.
#pragma once
#include <cstdint>
#include <vector>

namespace limbic {

inline constexpr int speech_rate = 16000;  ///< Hz

struct Speech {
  std::vector<int16_t> samples;  ///< at speech_rate
  std::vector<float> opening;    ///< of the mouth, 0 to 1, 100 a second
};

/// Sentence 0 or 1 ("Kids are talking by the door", "Dogs are sitting by the door") as `actor` (odd ones are male, as
/// in RAVDESS) says it in emotion 0 to 7 of emotion_names. Every `take` sounds a little different; the same arguments
/// give the same samples on every machine.
Speech speak(uint64_t seed, int actor, int emotion, int sentence, int take);

}  // namespace limbic
