// SPDX-License-Identifier: Apache-2.0
// What a report shows beyond the answer: pictures of the clip, its log-mel, where the face net looked, which frames a
// sequence net attended to.
#pragma once
#include <string>
#include <vector>

#include "tools/prediction/clip.h"

namespace limbic {

struct Thumbnail {
  double pts_s;
  std::vector<uint8_t> pixels;  ///< [side, side, 3], squeezed to a square
};
struct Thumbnails {
  int side = 0, width = 0, height = 0;  ///< of the squares; of the film
  std::vector<Thumbnail> pictures;
};

/// At most `most` frames, evenly spread over the film's `frames`. Throws MediaError.
Thumbnails read_thumbnails(const std::string& clip, int64_t frames, int most);

/// The clip's log-mel as the voice net hears it [T,M], of at most its first `longest_s` seconds. Throws MediaError.
Tensor read_log_mel(const std::string& clip, const VoiceModel& voice, double longest_s, double& start_s, double& end_s);

/// A face before and after the net's spatial transformer.
struct Look {
  double pts_s;
  Tensor face;     ///< [S,S,C]: what the net was given, a guide as its second channel
  Tensor theta;    ///< [2,3]
  Tensor sampled;  ///< [S,S,1]
};

struct FaceEvidence {
  std::vector<Look> looks;        ///< a few, evenly spread; none where the net has no transformer
  std::vector<double> times;      ///< of the frames with a face ...
  std::vector<float> embeddings;  ///< ... and what the last layer sees of each [T,E]
};

/// Runs the face net once more over the faces of `answer`, watching it. Throws MediaError.
FaceEvidence watch_faces(const std::string& clip, FaceModel& model, const FaceAnswer& answer, int most_looks);

/// What a sequence net (bilstm-attention) makes of the embeddings, and how much it attended to each.
struct Attention {
  std::string net;
  std::vector<double> weights;  ///< of each frame, summing to 1
  EmotionProbabilities probabilities{};
  WeightFile file;
};

/// Reads a sequence net and runs it. Throws Error(weights) where it is another net, or takes other features.
Attention attend(const std::string& weights, const FaceModel& model, const FaceEvidence& evidence);

}  // namespace limbic
