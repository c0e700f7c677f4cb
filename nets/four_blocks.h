// SPDX-License-Identifier: Apache-2.0
// What limbic's own two nets, voice and face, share: four blocks of the PANNs, and a linear layer.
#pragma once
#include "nets/conv_block.h"
#include "nets/net.h"

namespace limbic {

class FourBlocks : public Net {
 protected:
  explicit FourBlocks(const NetOptions& o)
      : conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::none),
        fc(o.widths[3], o.classes) {
    options = o;
    last_layer = "fc";
    block_dropout = 0.1f;
  }

  /// Names the layers and draws their weights: a net may have others before them.
  void add_blocks() {
    add_child("conv_block1", conv_block1);
    add_child("conv_block2", conv_block2);
    add_child("conv_block3", conv_block3);
    add_child("conv_block4", conv_block4);
    add_child("fc", fc);
    init_xavier(*this);
  }

  /// [N,H,W,1] -> [N,H/8,W/8,widths[3]], with dropout between the blocks.
  Tensor through_blocks(const Tensor& map) {
    Tensor x = dropout(conv_block1(map), block_dropout, training());  // [N,H/2,W/2,widths[0]]
    x = dropout(conv_block2(x), block_dropout, training());           // [N,H/4,W/4,widths[1]]
    x = dropout(conv_block3(x), block_dropout, training());           // [N,H/8,W/8,widths[2]]
    return conv_block4(x);                                            // [N,H/8,W/8,widths[3]]
  }

  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4;
  Linear fc;
};

}  // namespace limbic
