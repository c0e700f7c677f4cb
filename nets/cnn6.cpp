// SPDX-License-Identifier: Apache-2.0
// CNN-6 of the PANNs (arXiv 1912.10211): four blocks of one 5x5 convolution each. 4,837,455 parameters.
#include "nets/panns.h"

namespace limbic {
namespace {

class ConvBlock5x5 : public Module {
 public:
  ConvBlock5x5(int in, int out) : conv1(in, out, 5, {.padding = 2}, false), bn1(out, {.relu = true}) {
    add_child("conv1", conv1);
    add_child("bn1", bn1);
  }

  Tensor forward(const Tensor& x) override {
    return conv2d_batch_norm_avg_pool2d(x, conv1, bn1);  // [N,T/2,M/2,out]
  }

  Conv2d conv1;
  BatchNorm bn1;
};

class Cnn6 : public Panns {
 public:
  explicit Cnn6(const NetOptions& o)
      : Panns(PannsRate::k32, o),
        conv_block1(1, o.widths[0]),
        conv_block2(o.widths[0], o.widths[1]),
        conv_block3(o.widths[1], o.widths[2]),
        conv_block4(o.widths[2], o.widths[3]) {
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

  ConvBlock5x5 conv_block1, conv_block2, conv_block3, conv_block4;
};

}  // namespace

std::unique_ptr<Net> make_cnn6(const NetOptions& options) {
  return std::make_unique<Cnn6>(panns_options(options, {64, 128, 256, 512}, 512));
}

}  // namespace limbic
