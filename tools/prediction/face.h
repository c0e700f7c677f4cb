// SPDX-License-Identifier: Apache-2.0
// From a film to the probabilities of the eight emotions, face by face.
#pragma once
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "io/pictures.h"
#include "nets/picture_input.h"
#include "tools/prediction/emotions.h"
#include "tools/training/classifier.h"

namespace limbic {

struct FaceFrame {
  int64_t frame = 0;                  ///< of the film, from 0
  double pts_s = 0;                   ///< in the clip's own time
  std::array<int, 4> box{};           ///< x, y, width, height in pixels after rotation; width 0: no face
  std::vector<double> probabilities;  ///< one a label of the weights; empty without a face
};

/// One face, or the largest of each frame.
struct FaceTrack {
  int64_t faces = 0;                     ///< frames in which it was found
  EmotionProbabilities probabilities{};  ///< mean over them
  std::vector<FaceFrame> frames;         ///< in order
};

struct FaceAnswer : FaceTrack {  // `frames` are all of the film, with and without the face
  std::vector<FaceTrack>
      tracks;  ///< of all faces, the most prominent first (it is the answer), with the frames that show them
  std::vector<std::string> warnings;
  double coverage(const FaceTrack& track) const {
    return frames.empty() ? 0 : static_cast<double>(track.faces) / static_cast<double>(frames.size());
  }
};

/// Who answers for a film with several faces.
enum class Faces {
  largest,  ///< in each frame its largest one, whoever it is of
  all,      ///< each is followed; the answer is the one with the largest area, all its frames together
};

class FaceModel {
 public:
  /// Reads weights with their model card. Throws Error(ExitCode::weights) where they are not for pictures, or the
  /// card's labels are no emotions, and from `answer` where the net answers with NaN or infinity.
  explicit FaceModel(const std::string& path);

  /// The faces of every frame; the nets of system 2 (112 pixels) search each frame whole, as published. Throws
  /// MediaError for what cannot be read or has no moving pictures; a film without a face is an answer with `faces` 0.
  FaceAnswer answer(const std::string& clip, Faces which = Faces::largest) {
    return answer(PictureStream(clip, film_options(which)), which);
  }
  FaceAnswer answer(PictureStream film, Faces which);  ///< from a film opened with `film_options(which)`

  PictureOptions film_options(Faces which = Faces::largest) const;
  std::string detector;  ///< YuNet in ONNX, which finds the faces; empty: OpenCV's packaged cascade

  const std::string& name() const { return name_; }
  Net& net() { return classifier_.net(); }
  const PictureInput& input() const { return *input_; }
  const std::vector<int>& emotions() const { return emotion_of_class_; }  ///< where class i stands in emotion_names
  const std::vector<std::string>& labels() const { return classifier_.labels(); }
  const std::vector<std::string>& warnings() const { return classifier_.warnings(); }  ///< about the weights
  const std::array<bool, 8>& knows() const { return knows_; }  ///< which of emotion_names it can answer

 private:
  void look(const std::vector<uint8_t>& pixels, const std::vector<std::pair<size_t, size_t>>& faces,
            std::vector<FaceTrack>& tracks);

  std::string name_;
  Classifier classifier_;
  const PictureInput* input_;
  std::vector<int> emotion_of_class_;
  std::array<bool, 8> knows_{};
};

}  // namespace limbic
