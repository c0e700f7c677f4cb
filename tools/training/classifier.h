// SPDX-License-Identifier: Apache-2.0
// A net, what it is fed with, and the names of its classes: what a weights file of ours holds.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "io/weights.h"
#include "nets/front_end.h"
#include "nets/registry.h"

namespace limbic {

/// A clip is the sequence of what a face net (ClipInput::embedder) says of each of its frames.
inline constexpr const char* embeddings_front_end = "embeddings";

/// From a clip's sound, or a picture, to the map a net is fed with.
struct ClipInput {
  std::string front_end = "panns-16k";  ///< of find_front_end, or of find_picture_input, or embeddings_front_end
  double offset_s = 0;                  ///< where the window begins ...
  double length_s = 0;                  ///< ... and its length; silence on both sides fills it up. 0: the whole clip
  std::string embedder = {};            ///< weights of the face net whose embeddings make the map
  static constexpr double longest_s = 600;  ///< of both: what recipes and cards may ask for
  std::string text() const;                 ///< everything that decides the map, for cache keys
};

/// The window of `samples` (at `rate`) that `input` asks for. Throws Error(ExitCode::media) where they end before it
/// begins.
std::vector<float> clip_window(const ClipInput& input, const std::vector<float>& samples, int rate);

/// Log-mel map [T,M] of a clip's sound, given at the front end's rate. Throws as clip_window and log_mel.
Tensor clip_map(const ClipInput& input, const std::vector<float>& samples);

class Classifier {
 public:
  /// The net must have one output a label. `file` stands in messages: the weights, or the run that trains them.
  Classifier(std::unique_ptr<Net> net, std::vector<std::string> labels, const ClipInput& input, std::string file);

  /// Maps [N,T,M], or pictures [N,S,S,C], -> logits [N,C], as training wants them.
  Tensor logits(const Tensor& maps);

  /// The same in eval mode, without gradients, over the temperature that the card names (1 where it names none): what
  /// probabilities are made from. Throws Error(ExitCode::weights) where one is not finite.
  Tensor answer(const Tensor& maps);
  double temperature() const { return temperature_; }

  /// What the last layer sees of them [N,E], in eval mode, without gradients. Throws as `answer`.
  Tensor embedding(const Tensor& maps);

  /// Why the net cannot take the log-mel of so many frames, with what was found and what it wants; empty where it can.
  std::string misfit(int64_t frames) const;
  /// The same for the window of its input, and for the scaler; empty where the window is the whole clip and there is
  /// none.
  std::string window_misfit() const;

  /// Fits the scaler: mean and (population) deviation of every time column over the maps [T,M].
  void fit_column_scaler(const std::vector<Tensor>& maps);

  std::vector<NamedTensor> state();  ///< the net's, and "scaler.mean", "scaler.scale" where there is a scaler
  Net& net() { return *net_; }
  const Net& net() const { return *net_; }
  const std::vector<std::string>& labels() const { return labels_; }
  const ClipInput& input() const { return input_; }
  const std::vector<std::string>& warnings() const {
    return warnings_;
  }  ///< what is odd about the file it was read from

  /// Writes the weights with their card, completed from what the classifier knows: net, labels, front end, window.
  void save(const std::string& path, ModelCard card);

  /// Reads weights that say which labels they know. Throws Error(ExitCode::weights).
  static Classifier load(const std::string& path);
  /// The same of a net that sees pictures; throws for one that hears sound, too.
  static Classifier load_for_pictures(const std::string& path);

  /// Takes over the numbers of a file; a last layer of other classes keeps its own (the head is replaced).
  /// Returns what a log should say: what the file was trained on, and warnings. Throws Error(ExitCode::weights) where a
  /// tensor is missing or does not fit.
  std::vector<std::string> start_from(const std::string& path);

 private:
  Tensor fed(const Tensor& maps) const;  // what the net itself takes

  std::unique_ptr<Net> net_;
  std::vector<std::string> labels_;
  ClipInput input_;
  std::string file_;
  Tensor scaler_mean_, scaler_scale_;  // [T]
  std::vector<std::string> warnings_;
  double temperature_ = 1;
};

}  // namespace limbic
