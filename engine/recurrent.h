// SPDX-License-Identifier: Apache-2.0
// Layers for sequences [N,T,F]: the long short-term memory as PyTorch and as Keras store it, and additive attention.
// Sequences of different lengths are padded at their ends; `lengths`, set before forward, says how much of each is one.
#pragma once
#include <vector>

#include "engine/layers.h"

namespace limbic {

struct LstmLayerOptions {
  int layers = 1;
  bool bidirectional = false;
  float dropout = 0;  ///< between layers, in training
};

/// torch.nn.LSTM (batch_first): x [N,T,in] -> [N,T,hidden], bidirectional [N,T,2 hidden], 0 at padding. Of layer i:
/// weight_ih_li [4 hidden,in], weight_hh_li [4 hidden,hidden], bias_ih_li and bias_hh_li [4 hidden], in the order i f g
/// o, and the same with _reverse.
class Lstm : public Module {
 public:
  Lstm(int in, int hidden, const LstmLayerOptions& options = {});
  Tensor forward(const Tensor& x) override;
  LstmLayerOptions options;
  Tensor lengths;  ///< i32 [N]; empty: all T

 private:
  struct Direction {
    Tensor weight_ih, weight_hh, bias_ih, bias_hh;
  };
  std::vector<Direction> directions_;  // of layer 0, then of layer 1 ...
};

/// keras.layers.LSTM(units, return_sequences=True): x [N,T,in] -> [N,T,units], 0 at padding (Keras repeats the last
/// output there). kernel, recurrent_kernel, bias in the order i f c o, which is PyTorch's; the forget gate's bias
/// starts at 1.
class KerasLstm : public Module {
 public:
  KerasLstm(int in, int units, bool go_backwards = false);
  Tensor forward(const Tensor& x) override;  ///< in the order of time also if it goes backwards
  Tensor kernel, recurrent_kernel, bias;     ///< [4 units,in], [4 units,units], [4 units]; files hold the transposes
  bool go_backwards;
  Tensor lengths;
};

/// keras.layers.Bidirectional of a KerasLstm: x [N,T,in] -> [N,T,2 units].
class KerasBidirectionalLstm : public Module {
 public:
  KerasBidirectionalLstm(int in, int units);
  Tensor forward(const Tensor& x) override;
  KerasLstm forward_lstm, backward_lstm;
  Tensor lengths;
};

/// Softmax over the steps that are no padding: [N,T] -> [N,T].
class MaskedSoftmax : public Module {
 public:
  Tensor forward(const Tensor& x) override { return masked_softmax(x, lengths); }
  Tensor lengths;
};

/// Additive attention over time: h [N,T,E] -> sum over t of a_t h_t [N,E], a = softmax of scores that `layers` linear
/// layers give, each with tanh and dropout behind it, the last one (to one number) too. A hook on `softmax` sees a:
/// where a part is hooked, the parts run one after another, else additive_attention takes the last layer and all behind
/// it. Source: ntua-slp-semeval2018 (Baziotis et al., arXiv 1804.06658), as MMEmotionRecognition uses it.
class SelfAttention : public Module {
 public:
  SelfAttention(int features, int layers = 2, float dropout = 0);
  Tensor forward(const Tensor& h) override;
  Sequential attention;
  MaskedSoftmax softmax;
  float dropout;
  Tensor lengths;

 private:
  const Linear* score_ = nullptr;  // the last layer
};

}  // namespace limbic
