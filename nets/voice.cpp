// SPDX-License-Identifier: Apache-2.0
// The voice net that limbic ships: CNN-14's idea at a size that two cores train in twenty minutes and a file of 3 MB
// holds. 703,656 parameters for 8 emotions. Fully convolutional: any length from 8 frames.
#include "nets/four_blocks.h"
#include "nets/nets.h"

namespace limbic {
namespace {

class Voice : public FourBlocks {
 public:
  explicit Voice(const NetOptions& o) : FourBlocks(o), bn0(o.mels) {
    add_child("bn0", bn0);
    add_blocks();
    front_end = "voice-16k";
    min_frames = 8;
    typical_frames = 237;
    head_dropout = 0.3f;
  }

  Tensor embed(const Tensor& log_mel) override {
    check_log_mel(*this, log_mel);
    Tensor x = bn0(log_mel);                                    // [N,T,64]: each mel bin is a channel here
    x = reshape(x, {x.dim(0), x.dim(1), x.dim(2), 1});          // [N,T,64,1]
    x = dropout(through_blocks(x), block_dropout, training());  // [N,T/8,8,160]
    x = mean(x, {2});                                           // [N,T/8,160]
    return max(x, {1}) + mean(x, {1});                          // [N,160]
  }

  Tensor forward(const Tensor& log_mel) override {
    const Tensor x = dropout(embed(log_mel), head_dropout, training());  // [N,160]
    return fc(x);                                                        // [N,8]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.mels}; }

  BatchNorm bn0;
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
