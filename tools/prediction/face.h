// SPDX-License-Identifier: Apache-2.0
// From a film to the probabilities of the eight emotions, face by face.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "nets/picture_input.h"
#include "tools/prediction/emotions.h"
#include "tools/training/classifier.h"

namespace limbic {

struct FaceFrame {
  double pts_s = 0;                   ///< in the clip's own time
  std::array<int, 4> box{};           ///< x, y, width, height in pixels after rotation; width 0: no face
  std::vector<double> probabilities;  ///< one a label of the weights; empty without a face
};

struct FaceAnswer {
  int64_t faces = 0;                     ///< frames in which one was found
  EmotionProbabilities probabilities{};  ///< mean over the faces
  std::vector<FaceFrame> frames;         ///< all of them, in order
  std::vector<std::string> warnings;
  double coverage() const { return frames.empty() ? 0 : static_cast<double>(faces) / static_cast<double>(frames.size()); }
};

class FaceModel {
 public:
  /// Reads weights with their model card. Throws Error(ExitCode::weights) where they are not for pictures, or the card's
  /// labels are no emotions, and from `answer` where the net answers with NaN or infinity.
  explicit FaceModel(const std::string& path);

  /// The largest face of every frame; the nets of system 2 (112 pixels) search each frame whole, as published. Throws
  /// MediaError for what cannot be read or has no moving pictures; a film without a face is an answer with `faces` 0.
  FaceAnswer answer(const std::string& clip);

  const std::string& name() const { return name_; }
  const std::vector<std::string>& labels() const { return classifier_.labels(); }
  const std::vector<std::string>& warnings() const { return classifier_.warnings(); }  ///< about the weights
  const std::array<bool, 8>& knows() const { return knows_; }                          ///< which of emotion_names it can answer

 private:
  void look(const std::vector<uint8_t>& pixels, const std::vector<size_t>& frames, FaceAnswer& answer);

  std::string name_;
  Classifier classifier_;
  const PictureInput* input_;
  std::vector<int> emotion_of_class_;
  std::array<bool, 8> knows_{};
};

}  // namespace limbic
