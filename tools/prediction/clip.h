// SPDX-License-Identifier: Apache-2.0
// A clip's voice and face, and both as one answer.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/prediction/face.h"
#include "tools/prediction/voice.h"

namespace limbic {

struct ClipModels {
  std::string voice_path, face_path;
  std::unique_ptr<VoiceModel> voice;
  std::unique_ptr<FaceModel> face;  ///< none: only the voice answers
  bool face_named = false;          ///< asked for by name: a sound file's lack of pictures is then worth a warning
};

/// Reads both nets, or the voice's alone; an empty path stands for what ships, weights/voice.h5 and weights/face.h5.
/// Throws Error(ExitCode::weights).
ClipModels load_clip_models(const std::string& voice_path, const std::string& face_path, bool with_face = true);

/// Has the faces found by YuNet, a model in ONNX; empty: by OpenCV's packaged cascade. Throws Error(ExitCode::weights)
/// where it is none, and where there is no face net.
void use_face_detector(ClipModels& models, const std::string& path);

struct ClipAnswer {
  std::optional<VoiceAnswer> voice;
  std::optional<FaceAnswer> face;        ///< without a face in it, too: its frames are the evidence
  double duration_s = 0;                 ///< of the sound; without sound, when the last frame is shown
  EmotionProbabilities probabilities{};  ///< the mean of the streams (fuse), or those of the only one
  std::vector<std::string> warnings;     ///< which stream is missing and why, and what is odd about the others
  bool seen() const { return face && face->faces > 0; }
  const EmotionProbabilities& only() const { return voice ? voice->probabilities : face->probabilities; }
};

/// What the streams of a clip say. Throws MediaError where none says anything, and where the file itself is at fault.
ClipAnswer answer_clip(const std::string& clip, const ClipModels& models, Faces which = Faces::largest);

/// The most probable one's name.
const char* label_of(const EmotionProbabilities& p);

}  // namespace limbic
