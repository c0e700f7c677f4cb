// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/voice.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/ops.h"
#include "nets/windows.h"
#include "tools/training/features.h"

namespace limbic {

VoiceModel::VoiceModel(const std::string& path) : classifier_(Classifier::load(path)) {
  name_ = classifier_.net().name;
  const FrontEnd* front_end = find_front_end(classifier_.input().front_end);
  if (!front_end)
    throw Error(ExitCode::weights, fmt::format("{}: found a net for pictures ({}), expected one for sound", path,
                                               classifier_.input().front_end));
  rate_ = front_end->sample_rate;
  emotion_of_class_ = emotions_of_labels(classifier_.labels(), path);
}

EmotionProbabilities VoiceModel::probabilities(const std::vector<float>& samples) {
  const Tensor map = clip_map(classifier_.input(), samples);    // [T,M]
  const Tensor logits = classifier_.answer(batch_of_one(map));  // [1,C]
  return emotion_probabilities(class_probabilities(logits.data(), logits.size()), emotion_of_class_);
}

VoiceAnswer VoiceModel::answer(const std::string& clip, AudioStream stream) {
  VoiceAnswer answer;
  const double least_s =
      classifier_.input().offset_s + shortest_sound_s;  // what lies before the card's window is not heard
  WindowCutter cutter({}, rate_, [&](int64_t start, const float* samples, int64_t count) {
    if (count < static_cast<int64_t>(least_s * rate_)) return;  // a clip too short: reported below
    VoiceWindow window;
    window.start_s = stream.info().start_s + static_cast<double>(start) / rate_;
    window.end_s = window.start_s + static_cast<double>(count) / rate_;
    window.probabilities = probabilities({samples, samples + count});
    answer.windows.push_back(window);
  });
  for (std::vector<float> piece; stream.next(piece); piece.clear()) {
    cutter.push(piece.data(), static_cast<int64_t>(piece.size()));
  }
  cutter.finish();
  answer.duration_s = stream.info().duration_s;
  answer.warnings = stream.info().warnings;
  if (answer.windows.empty()) {
    throw MediaError(MediaFault::no_audio, fmt::format("{}: found {:.2f} s of sound; expected at least {:.2f} s", clip,
                                                       answer.duration_s, least_s));
  }
  for (const auto& window : answer.windows) {
    for (size_t i = 0; i < emotion_names.size(); ++i) {
      answer.probabilities[i] += window.probabilities[i] / static_cast<double>(answer.windows.size());
    }
  }
  return answer;
}

}  // namespace limbic
