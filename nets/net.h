// SPDX-License-Identifier: Apache-2.0
// What every net of limbic shares: logits in forward, the embedding below them, and the options it was made with.
#pragma once
#include <string>
#include <vector>

#include "engine/layers.h"

namespace limbic {

/// Sizes of a net. What is left at 0 or empty is as published; afterwards Net::options holds what it became.
struct NetOptions {
  int classes = 0;
  std::vector<int> widths;  ///< channels of the convolution blocks, first to last
  int embedding = 0;        ///< outputs of the dense layer before the last (Cnn14: 2048)
  int mels = 0;             ///< mel bins of the input
  Size2 kernel = 0;         ///< system 2's 2-D net: {3, 3} or {3, 5} (mels, frames)
  int features = 0;         ///< numbers of a frame of the sequences that bilstm-attention takes
};

/// What the last layer's numbers mean: one label of many, or each label for itself.
enum class Decision { softmax, sigmoid };

class Net : public Module {
 public:
  /// x -> logits [N,classes]. The shape of x is the net's own: see input_shape.
  Tensor forward(const Tensor& x) override = 0;

  /// x -> what the last layer sees [N,E]: the features that others train classifiers on. Without its dropout.
  virtual Tensor embed(const Tensor& x) = 0;

  /// The input of `batch` clips of `frames` frames; nets of fixed length ignore `frames`.
  virtual Shape input_shape(int64_t batch, int64_t frames) const = 0;

  std::string name;       ///< as make_net knows it
  std::string front_end;  ///< find_front_end's name; empty where the input is no log-mel
  NetOptions options;
  Decision decision = Decision::softmax;
  int min_frames = 1;       ///< shorter input throws
  int typical_frames = 1;   ///< of an ordinary clip: what `graph` draws
  std::string last_layer;   ///< "fc_audioset": what fine-tuning replaces
  float block_dropout = 0;  ///< after convolution blocks, in training
  float head_dropout = 0;   ///< around the dense layers, in training
  Tensor lengths;           ///< i32 [N]: frames of each sequence of the next batch that are no padding; empty: all
};

/// Probabilities [N,classes] of logits, by net.decision.
Tensor probabilities(const Net& net, const Tensor& logits);

/// x must be [N,T,M] with T >= net.min_frames and M = net.options.mels; else Error(ExitCode::usage).
void check_log_mel(const Net& net, const Tensor& x);

/// Xavier-uniform weights and zero biases: the published initialisation of the PANNs, and of Keras's layers.
void init_xavier(Module& net);

}  // namespace limbic
