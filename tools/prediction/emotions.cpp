// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/emotions.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

// Where a label of some data set stands in emotion_names; -1: it is none of them.
int emotion_index(const std::string& label) {
  static const std::pair<const char*, const char*> aliases[] = {{"fear", "fearful"}, {"surprise", "surprised"}};
  std::string name = label;
  for (const auto& [alias, meaning] : aliases) {
    if (label == alias) name = meaning;
  }
  const auto it = std::find_if(emotion_names.begin(), emotion_names.end(), [&](const char* e) { return name == e; });
  return it == emotion_names.end() ? -1 : static_cast<int>(it - emotion_names.begin());
}

}  // namespace

std::vector<int> emotions_of_labels(const std::vector<std::string>& labels, const std::string& file) {
  std::vector<int> emotions;
  for (const std::string& label : labels) {
    const int emotion = emotion_index(label);
    if (emotion < 0) {
      throw Error(ExitCode::weights,
                  fmt::format("{}: its card has the label \"{}\"; expected the emotions of RAVDESS", file, label));
    }
    if (std::count(emotions.begin(), emotions.end(), emotion)) {
      throw Error(ExitCode::weights, fmt::format("{}: its card has two labels for {} (\"{}\" is one); expected one",
                                                 file, emotion_names[emotion], label));
    }
    emotions.push_back(emotion);
  }
  return emotions;
}

std::vector<double> class_probabilities(const float* logits, int64_t classes) {
  const double highest = *std::max_element(logits, logits + classes);
  std::vector<double> p;
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) total += p.emplace_back(portable_exp(std::max(logits[c] - highest, -700.0)));
  for (double& value : p) value /= total;
  return p;
}

EmotionProbabilities emotion_probabilities(const std::vector<double>& classes,
                                           const std::vector<int>& emotion_of_class) {
  EmotionProbabilities p{};
  for (size_t c = 0; c < classes.size(); ++c) p[emotion_of_class[c]] = classes[c];
  return p;
}

EmotionProbabilities fuse(const EmotionProbabilities& voice, const EmotionProbabilities& face,
                          const std::array<bool, 8>& face_knows) {
  double known = 0;  // what the voice leaves to the emotions that the face knows
  for (size_t i = 0; i < voice.size(); ++i) known += face_knows[i] ? voice[i] : 0;
  EmotionProbabilities fused{};
  for (size_t i = 0; i < voice.size(); ++i) fused[i] = 0.5 * (voice[i] + (face_knows[i] ? known * face[i] : voice[i]));
  return fused;
}

}  // namespace limbic
