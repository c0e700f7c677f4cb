// SPDX-License-Identifier: Apache-2.0
// The voice net that limbic ships: CNN-14's idea at a size that two cores train in twenty minutes and a file of 3 MB
// holds. 703,656 parameters for 8 emotions. Fully convolutional: any length from 8 frames.
#include "nets/conv_block.h"
#include "nets/nets.h"

namespace limbic {
namespace {

class Voice : public Net {
 public:
  explicit Voice(const NetOptions& o)
      : bn0(o.mels),
        conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::none),
        fc(o.widths[3], o.classes) {
    add_child("bn0", bn0);
    add_child("conv_block1", conv_block1);
    add_child("conv_block2", conv_block2);
    add_child("conv_block3", conv_block3);
    add_child("conv_block4", conv_block4);
    add_child("fc", fc);
    init_xavier(*this);

    front_end = "voice-16k";
    options = o;
    min_frames = 8;
    typical_frames = 237;
    last_layer = "fc";
    block_dropout = 0.1f;
    head_dropout = 0.3f;
  }

  Tensor embed(const Tensor& log_mel) override {
    check_log_mel(*this, log_mel);
    Tensor x = bn0(log_mel);                                 // [N,T,64]: each mel bin is a channel here
    x = reshape(x, {x.dim(0), x.dim(1), x.dim(2), 1});       // [N,T,64,1]
    x = dropout(conv_block1(x), block_dropout, training());  // [N,T/2,32,32]
    x = dropout(conv_block2(x), block_dropout, training());  // [N,T/4,16,64]
    x = dropout(conv_block3(x), block_dropout, training());  // [N,T/8,8,128]
    x = dropout(conv_block4(x), block_dropout, training());  // [N,T/8,8,160]
    x = mean(x, {2});                                        // [N,T/8,160]
    return max(x, {1}) + mean(x, {1});                       // [N,160]
  }

  Tensor forward(const Tensor& log_mel) override {
    const Tensor x = dropout(embed(log_mel), head_dropout, training());  // [N,160]
    return fc(x);                                                        // [N,8]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.mels}; }

  BatchNorm bn0;
  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4;
  Linear fc;
};

}  // namespace

std::unique_ptr<Net> make_voice(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {32, 64, 128, 160};
  if (o.mels == 0) o.mels = 64;
  if (o.classes == 0) o.classes = 8;
  return std::make_unique<Voice>(o);
}

}  // namespace limbic
