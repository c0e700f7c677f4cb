// SPDX-License-Identifier: Apache-2.0
// The face net that limbic ships: the voice net's blocks on a grey face of 48x48, at a size that one core trains in an
// hour or two and a file of 5 MB holds. 1,174,439 parameters for FER2013's 7 emotions.
#include <fmt/format.h>

#include "nets/conv_block.h"
#include "nets/nets.h"

namespace limbic {
namespace {

class Face : public Net {
 public:
  explicit Face(const NetOptions& o)
      : conv_block1(1, o.widths[0], BlockPool::halve),
        conv_block2(o.widths[0], o.widths[1], BlockPool::halve),
        conv_block3(o.widths[1], o.widths[2], BlockPool::halve),
        conv_block4(o.widths[2], o.widths[3], BlockPool::none),
        fc(o.widths[3], o.classes) {
    add_child("conv_block1", conv_block1);
    add_child("conv_block2", conv_block2);
    add_child("conv_block3", conv_block3);
    add_child("conv_block4", conv_block4);
    add_child("fc", fc);
    init_xavier(*this);

    options = o;
    min_frames = typical_frames = 48;
    last_layer = "fc";
    block_dropout = 0.1f;
    head_dropout = 0.4f;
  }

  Tensor embed(const Tensor& face) override {
    if (face.rank() != 4 || face.dim(1) != 48 || face.dim(2) != 48 || face.dim(3) != 1) {
      throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants [N,48,48,1]", name, shape_text(face.shape())));
    }
    Tensor x = dropout(conv_block1(face), block_dropout, training());  // [N,24,24,32]
    x = dropout(conv_block2(x), block_dropout, training());            // [N,12,12,64]
    x = dropout(conv_block3(x), block_dropout, training());            // [N,6,6,128]
    x = conv_block4(x);                                                // [N,6,6,256]
    return mean(x, {1, 2});                                            // [N,256]
  }

  Tensor forward(const Tensor& face) override {
    const Tensor x = dropout(embed(face), head_dropout, training());  // [N,256]
    return fc(x);                                                     // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 48, 48, 1}; }

  ConvBlock conv_block1, conv_block2, conv_block3, conv_block4;
  Linear fc;
};

}  // namespace

std::unique_ptr<Net> make_face(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {32, 64, 128, 256};
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<Face>(o);
}

}  // namespace limbic
