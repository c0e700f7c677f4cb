// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/face.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops.h"
#include "tools/prediction/box_tracker.h"

namespace limbic {
namespace {

constexpr size_t batch = 7;  // faces of one pass through the net: 28 Winograd tiles in its smallest maps

double area(const FaceTrack& track) {
  double pixels = 0;
  for (const FaceFrame& frame : track.frames) pixels += 1.0 * frame.box[2] * frame.box[3];
  return pixels;
}

}  // namespace

FaceModel::FaceModel(const std::string& path)
    : classifier_(Classifier::load_for_pictures(path)), input_(find_picture_input(classifier_.input().front_end)) {
  name_ = classifier_.net().name;
  emotion_of_class_ = emotions_of_labels(classifier_.labels(), path);
  for (const int emotion : emotion_of_class_) knows_[emotion] = true;
}

// `faces` are track and place in it, one for each picture of `pixels`.
void FaceModel::look(const std::vector<uint8_t>& pixels, const std::vector<std::pair<size_t, size_t>>& faces,
                     std::vector<FaceTrack>& tracks) {
  const Tensor logits = classifier_.answer(picture_maps(*input_, pixels));  // [N,C]
  for (size_t i = 0; i < faces.size(); ++i) {
    FaceTrack& track = tracks[faces[i].first];
    auto& p = track.frames[faces[i].second].probabilities;
    p = class_probabilities(logits.data() + static_cast<int64_t>(i) * logits.dim(1), logits.dim(1));
    const EmotionProbabilities emotions = emotion_probabilities(p, emotion_of_class_);
    for (size_t e = 0; e < emotions.size(); ++e) track.probabilities[e] += emotions[e];
  }
}

PictureOptions FaceModel::film_options(Faces which) const {
  return {.side = input_->side,
          .cut = input_->side == 112 ? Cut::face_every : Cut::face,
          .all = which == Faces::all,
          .colour = input_->colour,
          .detector = detector};
}

FaceAnswer FaceModel::answer(PictureStream film, Faces which) {
  FaceAnswer answer;
  BoxTracker tracker;
  std::vector<uint8_t> pixels;                     // of the faces that wait for the net ...
  std::vector<std::pair<size_t, size_t>> waiting;  // ... and the track and place of each
  std::vector<FaceTrack>& tracks = answer.tracks;
  for (Picture picture; film.next(picture);) {
    if (picture.frame == static_cast<int64_t>(answer.frames.size()))
      answer.frames.push_back({picture.frame, picture.pts_s, {}, {}});
    if (!picture.found()) continue;
    const size_t track = which == Faces::all ? tracker.track(picture.frame, picture.pts_s, picture.box) : 0;
    if (track >= tracks.size()) tracks.resize(track + 1);
    pixels.insert(pixels.end(), picture.pixels.begin(), picture.pixels.end());
    waiting.emplace_back(track, tracks[track].frames.size());
    tracks[track].frames.push_back({picture.frame, picture.pts_s, picture.box, {}});
    if (waiting.size() < batch) continue;
    look(pixels, waiting, tracks);
    pixels.clear();
    waiting.clear();
  }
  if (!waiting.empty()) look(pixels, waiting, tracks);
  for (FaceTrack& track : tracks) {
    track.faces = static_cast<int64_t>(track.frames.size());
    for (double& p : track.probabilities) p /= static_cast<double>(track.faces);
  }
  std::stable_sort(tracks.begin(), tracks.end(),
                   [](const FaceTrack& a, const FaceTrack& b) { return area(a) > area(b); });
  if (!tracks.empty()) {
    answer.faces = tracks[0].faces;
    answer.probabilities = tracks[0].probabilities;
    for (const FaceFrame& frame : tracks[0].frames) answer.frames[static_cast<size_t>(frame.frame)] = frame;
  }
  answer.warnings = film.warnings();
  return answer;
}

}  // namespace limbic
