// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/voice.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/ops.h"
#include "kernels/portable_math.h"
#include "nets/windows.h"
#include "tools/training/features.h"
#include "tools/weight_tensors.h"

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

VoiceModel::VoiceModel(const std::string& path) : path_(path), classifier_(Classifier::load(path)) {
  name_ = classifier_.net().name;
  const FrontEnd* front_end = find_front_end(classifier_.input().front_end);
  if (!front_end) throw Error(ExitCode::weights, fmt::format("{}: found a net for pictures ({}), expected one for sound", path, classifier_.input().front_end));
  rate_ = front_end->sample_rate;
  for (const std::string& label : classifier_.labels()) {
    const int emotion = emotion_index(label);
    if (emotion < 0) {
      throw Error(ExitCode::weights, fmt::format("{}: its card has the label \"{}\"; expected the emotions of RAVDESS", path, label));
    }
    if (std::count(emotion_of_class_.begin(), emotion_of_class_.end(), emotion)) {
      throw Error(ExitCode::weights, fmt::format("{}: its card has two labels for {} (\"{}\" is one); expected one", path, emotion_names[emotion], label));
    }
    emotion_of_class_.push_back(emotion);
  }
}

EmotionProbabilities VoiceModel::probabilities(const std::vector<float>& samples) {
  NoGrad no_grad;
  const Tensor map = clip_map(classifier_.input(), samples);  // [T,M]
  const Tensor logits = classifier_.tempered(classifier_.logits(batch_of_one(map)));  // [1,C]
  check_answer(logits, path_);
  // In double from here on: eight numbers that sum to 1 however they are printed.
  EmotionProbabilities p{};
  const float* z = logits.data();
  const double highest = *std::max_element(z, z + logits.size());
  double total = 0;
  for (int64_t c = 0; c < logits.size(); ++c) {
    total += p[emotion_of_class_[c]] = portable_exp(std::max(z[c] - highest, -700.0));
  }
  for (double& value : p) value /= total;
  return p;
}

VoiceAnswer VoiceModel::answer(const std::string& clip) {
  AudioStream stream(clip, rate_);
  VoiceAnswer answer;
  WindowCutter cutter({}, rate_, [&](int64_t start, const float* samples, int64_t count) {
    if (count < static_cast<int64_t>(shortest_voice_s * rate_)) return;  // a clip too short: reported below
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
    throw Error(ExitCode::media, fmt::format("{}: found {:.2f} s of sound; expected at least {:.2f} s", clip,
                                             answer.duration_s, shortest_voice_s));
  }
  for (const auto& window : answer.windows) {
    for (size_t i = 0; i < emotion_names.size(); ++i) {
      answer.probabilities[i] += window.probabilities[i] / static_cast<double>(answer.windows.size());
    }
  }
  return answer;
}

}  // namespace limbic
