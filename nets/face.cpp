// SPDX-License-Identifier: Apache-2.0
// The face net that limbic ships: the voice net's blocks on a grey face of 48x48, at a size that one core trains in an
// hour or two and a file of 5 MB holds. 1,174,439 parameters for FER2013's 7 emotions.
#include <fmt/format.h>

#include "nets/four_blocks.h"
#include "nets/nets.h"

namespace limbic {
namespace {

class Face : public FourBlocks {
 public:
  explicit Face(const NetOptions& o) : FourBlocks(o) {
    add_blocks();
    min_frames = typical_frames = 48;
    head_dropout = 0.4f;
  }

  Tensor embed(const Tensor& face) override {
    if (face.rank() != 4 || face.dim(1) != 48 || face.dim(2) != 48 || face.dim(3) != 1) {
      throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants [N,48,48,1]", name, shape_text(face.shape())));
    }
    const Tensor x = through_blocks(face);  // [N,6,6,256]
    return mean(x, {1, 2});                 // [N,256]
  }

  Tensor forward(const Tensor& face) override {
    const Tensor x = dropout(embed(face), head_dropout, training());  // [N,256]
    return fc(x);                                                     // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 48, 48, 1}; }
};

}  // namespace

std::unique_ptr<Net> make_face(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {32, 64, 128, 256};
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<Face>(o);
}

}  // namespace limbic
