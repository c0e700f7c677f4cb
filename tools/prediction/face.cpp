// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/face.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops.h"
#include "io/pictures.h"

namespace limbic {
namespace {

constexpr size_t batch = 32;  // faces of one pass through the net

}  // namespace

FaceModel::FaceModel(const std::string& path) : classifier_(Classifier::load(path)), input_(find_picture_input(classifier_.input().front_end)) {
  if (!input_) throw Error(ExitCode::weights, fmt::format("{}: found a net for sound ({}), expected one for pictures", path, classifier_.input().front_end));
  name_ = classifier_.net().name;
  emotion_of_class_ = emotions_of_labels(classifier_.labels(), path);
  for (const int emotion : emotion_of_class_) knows_[emotion] = true;
}

void FaceModel::look(const std::vector<uint8_t>& pixels, const std::vector<size_t>& frames, FaceAnswer& answer) {
  const Tensor logits = classifier_.answer(picture_maps(*input_, pixels));  // [N,C]
  for (size_t i = 0; i < frames.size(); ++i) {
    auto& p = answer.frames[frames[i]].probabilities;
    p = class_probabilities(logits.data() + static_cast<int64_t>(i) * logits.dim(1), logits.dim(1));
    const EmotionProbabilities emotions = emotion_probabilities(p, emotion_of_class_);
    for (size_t e = 0; e < emotions.size(); ++e) answer.probabilities[e] += emotions[e];
  }
}

FaceAnswer FaceModel::answer(const std::string& clip) {
  PictureStream film(clip, {.side = input_->side, .cut = input_->side == 112 ? Cut::face_every : Cut::face});
  FaceAnswer answer;
  std::vector<uint8_t> pixels;   // of the faces that wait for the net ...
  std::vector<size_t> waiting;   // ... and the frames they were found in
  for (Picture picture; film.next(picture);) {
    answer.frames.push_back({picture.pts_s, picture.box, {}});
    if (!picture.found()) continue;
    ++answer.faces;
    pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
    waiting.push_back(answer.frames.size() - 1);
    if (waiting.size() < batch) continue;
    look(pixels, waiting, answer);
    pixels.clear();
    waiting.clear();
  }
  if (!waiting.empty()) look(pixels, waiting, answer);
  for (double& p : answer.probabilities) p /= static_cast<double>(std::max<int64_t>(1, answer.faces));
  answer.warnings = film.warnings();
  return answer;
}

}  // namespace limbic
