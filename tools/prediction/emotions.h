// SPDX-License-Identifier: Apache-2.0
// The eight emotions that every answer is about, and how streams that know some of them become one.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace limbic {

/// RAVDESS order: the order of every list of eight probabilities.
inline constexpr std::array<const char*, 8> emotion_names = {"neutral", "calm",    "happy",   "sad",
                                                             "angry",   "fearful", "disgust", "surprised"};
using EmotionProbabilities = std::array<double, 8>;

/// Where each label of a card stands in emotion_names ("fear" is fearful, "surprise" surprised). Throws
/// Error(ExitCode::weights), naming `file`, for a label that is none of them, and for two of one emotion.
std::vector<int> emotions_of_labels(const std::vector<std::string>& labels, const std::string& file);

/// Softmax of C logits, in double: numbers that sum to 1 however they are printed.
std::vector<double> class_probabilities(const float* logits, int64_t classes);

/// The same with class i at emotion_of_class[i], 0 elsewhere.
EmotionProbabilities emotion_probabilities(const std::vector<double>& classes,
                                           const std::vector<int>& emotion_of_class);

/// The mean of voice and face. Of an emotion that the face net does not know, the face says what the voice says
/// (FER2013 has no calm); its own answer shares what is left.
EmotionProbabilities fuse(const EmotionProbabilities& voice, const EmotionProbabilities& face,
                          const std::array<bool, 8>& face_knows);

}  // namespace limbic
