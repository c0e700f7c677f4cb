// SPDX-License-Identifier: Apache-2.0
// System 1's face net (Luna-Jimenez et al. 2021, github cristinalunaj/Guided-EMO-SpatialTransformer; the net of
// omarsayed7/Deep-Emotion with a second input): a spatial transformer finds where to look on a guide, a saliency map of
// the face, and looks there on the picture. 66,673 parameters for 3 classes, 66,928 for 8; without transformer 43,553.
#include <fmt/format.h>

#include "nets/nets.h"

namespace limbic {
namespace {

Tensor pool(const Tensor& x) { return max_pool2d(x, 2); }

class SpatialTransformer : public Net {
 public:
  SpatialTransformer(const NetOptions& o, Where where)
      : conv1(1, 10, 3),
        conv2(10, 10, 3),
        conv3(10, 10, 3),
        conv4(10, 10, 3),
        norm(10),
        fc1(810, o.embedding),
        fc2(o.embedding, o.classes),
        where_(where) {
    add_child("conv1", conv1);
    add_child("conv2", conv2);
    add_child("conv3", conv3);
    add_child("conv4", conv4);
    add_child("norm", norm);
    add_child("fc1", fc1);
    add_child("fc2", fc2);
    if (where != Where::everywhere) add_localization();

    options = o;
    min_frames = typical_frames = 48;
    last_layer = "fc2";
    block_dropout = 0.5f;
  }

  Tensor embed(const Tensor& face) override {
    const Shape wanted = input_shape(face.rank() > 0 ? face.dim(0) : 1, 48);
    if (face.shape() != wanted) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants {}", name, shape_text(face.shape()), shape_text(wanted)));
    }
    Tensor x = look(face);                      // [N,48,48,1]
    x = relu(conv1(x));                         // [N,46,46,10]
    x = relu(pool(conv2(x)));                   // [N,22,22,10]
    x = relu(conv3(x));                         // [N,20,20,10]
    x = relu(pool(norm(conv4(x))));             // [N,9,9,10]
    x = dropout(x, block_dropout, training());  // [N,9,9,10]
    x = flatten_channels_first(x);              // [N,810], the "flattened layer"
    return relu(fc1(x));                        // [N,50], the "embedding"
  }

  Tensor forward(const Tensor& face) override {
    return fc2(embed(face));  // [N,3]
  }

  /// The picture, and beside it as a second channel the guide, where the net takes one.
  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 48, 48, where_ == Where::guide ? 2 : 1}; }

  Conv2d conv1, conv2, conv3, conv4;
  BatchNorm norm;
  Linear fc1, fc2;
  Sequential localization, fc_loc;

 private:
  void add_localization() {
    // x [N,48,48,1]
    localization.add<Conv2d>(1, 8, 7);        // 0 [N,42,42,8]
    localization.add<Function>(pool);         // 1 [N,21,21,8]
    localization.add<Relu>();                 // 2
    localization.add<Conv2d>(8, 10, 5);       // 3 [N,17,17,10]
    localization.add<Function>(pool);         // 4 [N,8,8,10]
    localization.add<Relu>();                 // 5
    fc_loc.add<Linear>(640, 32);              // 0 [N,32]
    fc_loc.add<Relu>();                       // 1
    auto& theta = fc_loc.add<Linear>(32, 6);  // 2 [N,6]
    theta.weight.copy_from(Tensor::zeros({6, 32}));
    theta.bias.copy_from(Tensor::from({6}, {1, 0, 0, 0, 1, 0}));  // at first it looks at the whole
    add_child("localization", localization);
    add_child("fc_loc", fc_loc);
  }

  Tensor look(const Tensor& face) {
    if (where_ == Where::everywhere) return face;
    const bool guided = where_ == Where::guide;
    const Tensor picture = guided ? slice(face, 3, 0, 1) : face;  // [N,48,48,1]
    Tensor x = guided ? slice(face, 3, 1, 2) : face;              // [N,48,48,1]
    x = localization(x);                                          // [N,8,8,10]
    x = fc_loc(flatten_channels_first(x));                        // [N,6]
    const Tensor theta = reshape(x, {face.dim(0), 2, 3});         // [N,2,3]
    return grid_sample(picture, affine_grid(theta, 48));          // [N,48,48,1]
  }

  Where where_;
};

}  // namespace

std::unique_ptr<Net> make_spatial_transformer(Where where, const NetOptions& options) {
  NetOptions o = options;
  if (o.embedding == 0) o.embedding = 50;
  if (o.classes == 0) o.classes = 3;
  return std::make_unique<SpatialTransformer>(o, where);
}

}  // namespace limbic
