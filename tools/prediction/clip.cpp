// SPDX-License-Identifier: Apache-2.0
#include "tools/prediction/clip.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/clip_stream.h"
#include "tools/inputs.h"

namespace limbic {

ClipModels load_clip_models(const std::string& voice_path, const std::string& face_path, bool with_face) {
  ClipModels models;
  models.voice_path = voice_path.empty() ? find_data_file("weights/voice.h5") : voice_path;
  if (with_face) models.face_path = face_path.empty() ? find_data_file("weights/face.h5") : face_path;
  models.face_named = !face_path.empty();
  if (models.voice_path.empty()) {
    throw Error(ExitCode::weights, "found no weights/voice.h5 beside the program; expected it, or --weights FILE");
  }
  models.voice = std::make_unique<VoiceModel>(models.voice_path);
  if (!models.face_path.empty()) models.face = std::make_unique<FaceModel>(models.face_path);
  return models;
}

void use_face_detector(ClipModels& models, const std::string& path) {
  if (path.empty()) return;
  if (!models.face) {
    throw Error(ExitCode::weights,
                fmt::format("--face-detector {}: found no weights/face.h5 beside the program; expected it, or --face-weights FILE",
                            path));
  }
  check_face_detector(path);
  models.face->detector = path;
}

ClipAnswer answer_clip(const std::string& clip, const ClipModels& models, Faces which) {
  ClipAnswer answer;
  std::optional<ClipStream> both;
  if (models.face) both.emplace(clip, models.voice->rate(), models.face->film_options(which));
  std::optional<MediaError> silent;
  try {
    answer.voice = both ? models.voice->answer(clip, both->sound()) : models.voice->answer(clip);
    answer.warnings = answer.voice->warnings;
    answer.duration_s = answer.voice->duration_s;
  } catch (const MediaError& error) {
    if (!models.face || error.fault != MediaFault::no_audio) throw;
    silent = error;
  }
  if (models.face) {
    std::string blind = "no face in any frame";
    bool expected = false;  // a sound file, and nobody asked for a face
    try {
      answer.face = models.face->answer(both->pictures(), which);
      answer.warnings.insert(answer.warnings.end(), answer.face->warnings.begin(), answer.face->warnings.end());
    } catch (const MediaError& error) {
      blind = error.what();
      expected = error.fault == MediaFault::no_video && !models.face_named;
    }
    if (silent && !answer.seen()) throw *silent;
    if (silent) answer.warnings.push_back(fmt::format("the face alone answers: {}", silent->what()));
    if (!answer.seen() && !expected) answer.warnings.push_back(fmt::format("the voice alone answers: {}", blind));
  }
  if (!answer.voice) answer.duration_s = answer.face->frames.back().pts_s;
  answer.probabilities = answer.only();
  if (answer.voice && answer.seen())
    answer.probabilities = fuse(answer.voice->probabilities, answer.face->probabilities, models.face->knows());
  return answer;
}

const char* label_of(const EmotionProbabilities& p) {
  return emotion_names[std::max_element(p.begin(), p.end()) - p.begin()];
}

}  // namespace limbic
