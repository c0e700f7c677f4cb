// SPDX-License-Identifier: Apache-2.0
// CNN-10 of the PANNs (arXiv 1912.10211): the first four blocks of CNN-14, all of them pooled. 5,219,279 parameters.
#include "nets/conv_block.h"
#include "nets/panns.h"

namespace limbic {
namespace {

class Cnn10 : public Panns {
 public:
  explicit Cnn10(const NetOptions& o)
      : Panns(PannsRate::k32, o),
        conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::halve) {
    add_blocks({&conv_block1, &conv_block2, &conv_block3, &conv_block4});
    min_frames = 16;
  }

 private:
  Tensor blocks(const Tensor& map) override {                         // [N,T,64,1]
    Tensor x = dropout(conv_block1(map), block_dropout, training());  // [N,T/2,32,64]
    x = dropout(conv_block2(x), block_dropout, training());           // [N,T/4,16,128]
    x = dropout(conv_block3(x), block_dropout, training());           // [N,T/8,8,256]
    return dropout(conv_block4(x), block_dropout, training());        // [N,T/16,4,512]
  }

  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4;
};

}  // namespace

std::unique_ptr<Net> make_cnn10(const NetOptions& options) {
  return std::make_unique<Cnn10>(panns_options(options, {64, 128, 256, 512}, 512));
}

}  // namespace limbic
