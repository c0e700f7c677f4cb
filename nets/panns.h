// SPDX-License-Identifier: Apache-2.0
// What the PANNs share (Kong et al., arXiv 1912.10211; code audioset_tagging_cnn): all but their convolution blocks.
#pragma once
#include <memory>
#include <vector>

#include "engine/layers.h"
#include "nets/nets.h"
#include "nets/panns_front_end.h"

namespace limbic {

class Panns : public Net {
 public:
  Panns(PannsRate rate, const NetOptions& o);

  /// log-mel [N,T,64] -> [N,E], never negative: Cnn14 2048, Cnn10 and Cnn6 512.
  Tensor embed(const Tensor& log_mel) override;
  Tensor forward(const Tensor& log_mel) override;
  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, frames, options.mels}; }

 protected:
  /// [N,T,64,1] -> [N,T',M',C]
  virtual Tensor blocks(const Tensor& map) = 0;

  /// Registers the blocks as conv_block1, 2, ... and the dense layers behind them, and initialises all as published.
  void add_blocks(const std::vector<Module*>& blocks);

 private:
  PannsFrontEndTensors front_end_tensors;
  BatchNorm bn0;
  Linear fc1, fc_audioset;
};

/// What is left open, as published: 64 mels, 527 classes.
NetOptions panns_options(NetOptions o, const std::vector<int>& widths, int embedding);

}  // namespace limbic
