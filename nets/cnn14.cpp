// SPDX-License-Identifier: Apache-2.0
// CNN-14, the AudioSet tagger of Kong et al. (PANNs, arXiv 1912.10211; code audioset_tagging_cnn): 80,753,615
// parameters. And the net that is fine-tuned from it: the same, with one more layer on its embedding.
#include "nets/conv_block.h"
#include "nets/nets.h"
#include "nets/panns_front_end.h"

namespace limbic {
namespace {

class Cnn14 : public Net {
 public:
  Cnn14(PannsRate rate, const NetOptions& o)
      : front_end_tensors(rate, o.mels),
        bn0(o.mels),
        conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::halve),
        conv_block5(o.widths[3], o.widths[4], BlockPool::halve),
        conv_block6(o.widths[4], o.widths[5], BlockPool::none),
        fc1(o.widths[5], o.embedding),
        fc_audioset(o.embedding, o.classes) {
    add_buffer("spectrogram_extractor.stft.conv_real.weight", front_end_tensors.conv_real);
    add_buffer("spectrogram_extractor.stft.conv_imag.weight", front_end_tensors.conv_imag);
    add_buffer("logmel_extractor.melW", front_end_tensors.mel_w);
    add_child("bn0", bn0);
    add_child("conv_block1", conv_block1);
    add_child("conv_block2", conv_block2);
    add_child("conv_block3", conv_block3);
    add_child("conv_block4", conv_block4);
    add_child("conv_block5", conv_block5);
    add_child("conv_block6", conv_block6);
    add_child("fc1", fc1);
    add_child("fc_audioset", fc_audioset);
    init_xavier(*this);

    front_end = panns_front_end(rate).name;
    options = o;
    decision = Decision::sigmoid;
    min_frames = 32;
    typical_frames = 1001;
    last_layer = "fc_audioset";
    block_dropout = 0.2f;
    head_dropout = 0.5f;
  }

  // [N,T,64] -> [N,2048], never negative
  Tensor embed(const Tensor& log_mel) override {
    check_log_mel(*this, log_mel);
    Tensor x = bn0(log_mel);                                 // [N,T,64]: each mel bin is a channel here
    x = reshape(x, {x.dim(0), x.dim(1), x.dim(2), 1});       // [N,T,64,1]
    x = dropout(conv_block1(x), block_dropout, training());  // [N,T/2,32,64]
    x = dropout(conv_block2(x), block_dropout, training());  // [N,T/4,16,128]
    x = dropout(conv_block3(x), block_dropout, training());  // [N,T/8,8,256]
    x = dropout(conv_block4(x), block_dropout, training());  // [N,T/16,4,512]
    x = dropout(conv_block5(x), block_dropout, training());  // [N,T/32,2,1024]
    x = dropout(conv_block6(x), block_dropout, training());  // [N,T/32,2,2048]
    x = mean(x, {2});                                        // [N,T/32,2048]
    x = max(x, {1}) + mean(x, {1});                          // [N,2048]
    x = dropout(x, head_dropout, training());                // [N,2048]
    return relu(fc1(x));                                     // [N,2048]
  }

  // Upstream drops out the embedding too, but feeds AudioSet's layer without that.
  Tensor forward(const Tensor& log_mel) override {
    return fc_audioset(embed(log_mel));  // [N,527]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.mels}; }

  PannsFrontEndTensors front_end_tensors;
  BatchNorm bn0;
  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4, conv_block5, conv_block6;
  Linear fc1, fc_audioset;
};

// The template of audioset_tagging_cnn's fine-tuning (and of panns_transfer_to_gtzan).
class Cnn14Transfer : public Net {
 public:
  Cnn14Transfer(const NetOptions& o, const NetOptions& base_options)
      : base(PannsRate::k32, base_options), fc_transfer(o.embedding, o.classes) {
    add_child("base", base);
    add_child("fc_transfer", fc_transfer);
    init_xavier(fc_transfer);

    front_end = base.front_end;
    options = o;
    min_frames = base.min_frames;
    typical_frames = base.typical_frames;
    last_layer = "fc_transfer";
    block_dropout = base.block_dropout;
    head_dropout = base.head_dropout;
  }

  Tensor embed(const Tensor& log_mel) override {
    base.name = name;
    base.block_dropout = block_dropout;
    base.head_dropout = head_dropout;
    return base.embed(log_mel);  // [N,2048]
  }

  Tensor forward(const Tensor& log_mel) override {
    const Tensor x = dropout(embed(log_mel), head_dropout, training());  // [N,2048]
    return fc_transfer(x);                                               // [N,classes]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return base.input_shape(batch, frames); }

  Cnn14 base;
  Linear fc_transfer;
};

NetOptions published(NetOptions o) {
  if (o.widths.empty()) o.widths = {64, 128, 256, 512, 1024, 2048};
  if (o.embedding == 0) o.embedding = 2048;
  if (o.mels == 0) o.mels = 64;
  return o;
}

}  // namespace

std::unique_ptr<Net> make_cnn14(PannsRate rate, const NetOptions& options) {
  NetOptions o = published(options);
  if (o.classes == 0) o.classes = 527;
  return std::make_unique<Cnn14>(rate, o);
}

std::unique_ptr<Net> make_cnn14_transfer(const NetOptions& options) {
  NetOptions o = published(options);
  if (o.classes == 0) o.classes = 8;
  NetOptions base = o;
  base.classes = 527;
  return std::make_unique<Cnn14Transfer>(o, base);
}

}  // namespace limbic
