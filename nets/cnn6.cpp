// SPDX-License-Identifier: Apache-2.0
// CNN-6 of the PANNs (arXiv 1912.10211): four blocks of one 5x5 convolution each. 4,837,455 parameters.
#include "engine/layers.h"
#include "nets/nets.h"
#include "nets/panns_front_end.h"

namespace limbic {
namespace {

class ConvBlock5x5 : public Module {
 public:
  ConvBlock5x5(int in, int out) : conv1(in, out, 5, {.padding = 2}, false), bn1(out, {.relu = true}) {
    add_child("conv1", conv1);
    add_child("bn1", bn1);
  }

  Tensor forward(const Tensor& x) override {
    const Tensor y = conv2d_bn_relu(x, conv1, bn1);  // [N,T,M,out]
    return avg_pool2d(y, 2);                         // [N,T/2,M/2,out]
  }

  Conv2d conv1;
  BatchNorm bn1;
};

class Cnn6 : public Net {
 public:
  explicit Cnn6(const NetOptions& o)
      : front_end_tensors(PannsRate::k32, o.mels),
        bn0(o.mels),
        conv_block1(1, o.widths[0]),
        conv_block2(o.widths[0], o.widths[1]),
        conv_block3(o.widths[1], o.widths[2]),
        conv_block4(o.widths[2], o.widths[3]),
        fc1(o.widths[3], o.embedding),
        fc_audioset(o.embedding, o.classes) {
    add_buffer("spectrogram_extractor.stft.conv_real.weight", front_end_tensors.conv_real);
    add_buffer("spectrogram_extractor.stft.conv_imag.weight", front_end_tensors.conv_imag);
    add_buffer("logmel_extractor.melW", front_end_tensors.mel_w);
    add_child("bn0", bn0);
    add_child("conv_block1", conv_block1);
    add_child("conv_block2", conv_block2);
    add_child("conv_block3", conv_block3);
    add_child("conv_block4", conv_block4);
    add_child("fc1", fc1);
    add_child("fc_audioset", fc_audioset);
    init_xavier(*this);

    front_end = panns_front_end(PannsRate::k32).name;
    options = o;
    decision = Decision::sigmoid;
    min_frames = 16;
    typical_frames = 1001;
    last_layer = "fc_audioset";
    block_dropout = 0.2f;
    head_dropout = 0.5f;
  }

  Tensor embed(const Tensor& log_mel) override {
    check_log_mel(*this, log_mel);
    Tensor x = bn0(log_mel);                                 // [N,T,64]: each mel bin is a channel here
    x = reshape(x, {x.dim(0), x.dim(1), x.dim(2), 1});       // [N,T,64,1]
    x = dropout(conv_block1(x), block_dropout, training());  // [N,T/2,32,64]
    x = dropout(conv_block2(x), block_dropout, training());  // [N,T/4,16,128]
    x = dropout(conv_block3(x), block_dropout, training());  // [N,T/8,8,256]
    x = dropout(conv_block4(x), block_dropout, training());  // [N,T/16,4,512]
    x = mean(x, {2});                                        // [N,T/16,512]
    x = max(x, {1}) + mean(x, {1});                          // [N,512]
    x = dropout(x, head_dropout, training());                // [N,512]
    return relu(fc1(x));                                     // [N,512]
  }

  Tensor forward(const Tensor& log_mel) override {
    return fc_audioset(embed(log_mel));  // [N,527]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.mels}; }

  PannsFrontEndTensors front_end_tensors;
  BatchNorm bn0;
  ConvBlock5x5 conv_block1, conv_block2, conv_block3, conv_block4;
  Linear fc1, fc_audioset;
};

}  // namespace

std::unique_ptr<Net> make_cnn6(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {64, 128, 256, 512};
  if (o.embedding == 0) o.embedding = 512;
  if (o.mels == 0) o.mels = 64;
  if (o.classes == 0) o.classes = 527;
  return std::make_unique<Cnn6>(o);
}

}  // namespace limbic
