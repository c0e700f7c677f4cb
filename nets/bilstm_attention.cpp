// SPDX-License-Identifier: Apache-2.0
// System 1's sequence net (github cristinalunaj/MMEmotionRecognition, Sequence1Modal): a bidirectional LSTM over the
// features of each frame, attention over time, one linear layer. 112,609 parameters for 50 features and 8 classes.
#include <fmt/format.h>

#include "engine/recurrent.h"
#include "nets/nets.h"

namespace limbic {
namespace {

struct Encoder : Module {
  Encoder(int features, int units, int layers) : lstm(features, units, {.layers = layers, .bidirectional = true}) {
    add_child("lstm", lstm);
  }
  Tensor forward(const Tensor& x) override { return lstm(x); }  // [N,T,2 units]
  Lstm lstm;
};

struct FeatureExtractor : Module {
  FeatureExtractor(int features, int units, int layers)
      : encoder(features, units, layers), attention(2 * units, layers) {
    add_child("encoder", encoder);
    add_child("attention", attention);
  }
  Tensor forward(const Tensor& x) override {
    return attention(encoder(x));  // [N,2 units]
  }
  Encoder encoder;
  SelfAttention attention;
};

class BilstmAttention : public Net {
 public:
  explicit BilstmAttention(const NetOptions& o)
      : feature_extractor(o.features, o.widths[0], static_cast<int>(o.widths.size())),
        linear(2 * o.widths[0], o.classes) {
    add_child("feature_extractor", feature_extractor);
    add_child("linear", linear);

    options = o;
    typical_frames = 110;
    last_layer = "linear";
    block_dropout = head_dropout = 0.3f;  // between LSTM layers; in the attention
  }

  Tensor embed(const Tensor& sequence) override {
    if (sequence.rank() != 3 || sequence.dim(1) < 1 || sequence.dim(2) != options.features) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants [N,T,{}]", name, shape_text(sequence.shape()), options.features));
    }
    Lstm& lstm = feature_extractor.encoder.lstm;
    SelfAttention& attention = feature_extractor.attention;
    lstm.options.dropout = block_dropout;
    attention.dropout = head_dropout;
    lstm.lengths = attention.lengths = lengths;
    return feature_extractor(sequence);  // [N,100]
  }

  Tensor forward(const Tensor& sequence) override {
    return linear(embed(sequence));  // [N,8]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.features}; }

  FeatureExtractor feature_extractor;
  Linear linear;
};

}  // namespace

std::unique_ptr<Net> make_bilstm_attention(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {50, 50};
  for (const int units : o.widths) {
    if (units != o.widths[0]) throw Error(ExitCode::usage, "bilstm-attention: its LSTM layers have one width");
  }
  if (o.features == 0) o.features = 50;
  if (o.classes == 0) o.classes = 8;
  return std::make_unique<BilstmAttention>(o);
}

}  // namespace limbic
