// SPDX-License-Identifier: Apache-2.0
// From sound to the probabilities of the eight emotions, window by window.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "io/audio.h"
#include "tools/prediction/emotions.h"
#include "tools/training/classifier.h"

namespace limbic {

struct VoiceWindow {
  double start_s = 0, end_s = 0;  ///< in the clip's own time
  EmotionProbabilities probabilities{};
};

struct VoiceAnswer {
  double duration_s = 0;                 ///< of the sound that was analysed
  EmotionProbabilities probabilities{};  ///< mean over the windows
  std::vector<VoiceWindow> windows;
  std::vector<std::string> warnings;
};

class VoiceModel {
 public:
  /// Reads weights with their model card. Throws Error(ExitCode::weights) where the card's labels are no emotions, and
  /// from `answer` where the net answers with NaN or infinity.
  explicit VoiceModel(const std::string& path);

  /// Sound up to 6 s is one window; longer sound is cut into windows of 4 s every 2 s (WindowOptions), in bounded
  /// memory. Throws MediaError for what cannot be read; no_audio where there is no sound, or too little of it in the
  /// window that the card names.
  VoiceAnswer answer(const std::string& clip) { return answer(clip, AudioStream(clip, rate_)); }
  VoiceAnswer answer(const std::string& clip, AudioStream stream);  ///< from sound at `rate()` that has just been opened

  const std::string& name() const { return name_; }
  const std::string& front_end() const { return classifier_.input().front_end; }
  int rate() const { return rate_; }                                                   ///< Hz of the sound it hears
  const std::vector<std::string>& warnings() const { return classifier_.warnings(); }  ///< about the weights

 private:
  EmotionProbabilities probabilities(const std::vector<float>& samples);

  std::string name_;
  Classifier classifier_;
  int rate_;
  std::vector<int> emotion_of_class_;  // where class i of the net stands in emotion_names
};

}  // namespace limbic
