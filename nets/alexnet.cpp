// SPDX-License-Identifier: Apache-2.0
// AlexNet (Krizhevsky, "One weird trick", arXiv 1404.5997) in torchvision's layout, on pictures of mel spectrograms as
// system 1's speech branch fine-tunes it: 57,036,616 parameters for 8 classes.
#include "nets/nets.h"

#include <fmt/format.h>

namespace limbic {
namespace {

Tensor pool(const Tensor& x) { return max_pool2d(x, 3, {.stride = 2}); }

class AlexNet : public Net {
 public:
  explicit AlexNet(const NetOptions& o) {
    const auto& w = o.widths;
    // x [N,224,224,3]
    features.add<Conv2d>(3, w[0], 11, Conv2dOptions{.stride = 4, .padding = 2});  //  0 [N,55,55,64]
    features.add<Relu>();                                                         //  1
    features.add<Function>(pool);                                                 //  2 [N,27,27,64]
    features.add<Conv2d>(w[0], w[1], 5, Conv2dOptions{.padding = 2});             //  3 [N,27,27,192]
    features.add<Relu>();                                                         //  4
    features.add<Function>(pool);                                                 //  5 [N,13,13,192]
    features.add<Conv2d>(w[1], w[2], 3, Conv2dOptions{.padding = 1});             //  6 [N,13,13,384]
    features.add<Relu>();                                                         //  7
    features.add<Conv2d>(w[2], w[3], 3, Conv2dOptions{.padding = 1});             //  8 [N,13,13,256]
    features.add<Relu>();                                                         //  9
    features.add<Conv2d>(w[3], w[4], 3, Conv2dOptions{.padding = 1});             // 10 [N,13,13,256]
    features.add<Relu>();                                                         // 11
    features.add<Function>(pool);                                                 // 12 [N,6,6,256]

    const auto drop = [this](const Tensor& x) { return dropout(x, head_dropout, training()); };
    classifier.add<Function>(drop);                     // 0 [N,9216]
    classifier.add<Linear>(w[4] * 6 * 6, o.embedding);  // 1 [N,4096]
    classifier.add<Relu>();                             // 2
    classifier.add<Function>(drop);                     // 3
    classifier.add<Linear>(o.embedding, o.embedding);   // 4 [N,4096]: "fc7", the features of system 1
    classifier.add<Relu>();                             // 5
    classifier.add<Linear>(o.embedding, o.classes);     // 6 [N,8]
    add_child("features", features);
    add_child("classifier", classifier);

    front_end = "panns-32k";
    options = o;
    min_frames = 63;
    typical_frames = 224;
    last_layer = "classifier.6";
    head_dropout = 0.5f;
  }

  Tensor embed(const Tensor& picture) override { return flat_to_layer(picture, 6); }  // [N,4096]

  Tensor forward(const Tensor& picture) override { return flat_to_layer(picture, 7); }  // [N,8]

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 224, 224, 3}; }

  Sequential features, classifier;

 private:
  Tensor flat_to_layer(const Tensor& picture, size_t layers) {
    if (picture.rank() != 4 || picture.dim(3) != 3 || picture.dim(1) < min_frames || picture.dim(2) < min_frames) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants pictures [N,224,224,3]", name, shape_text(picture.shape())));
    }
    Tensor x = features(picture);   // [N,6,6,256]
    x = adaptive_avg_pool2d(x, 6);  // [N,6,6,256], also of larger pictures
    x = flatten_channels_first(x);  // [N,9216], channel by channel as published
    for (size_t i = 0; i < layers; ++i) x = classifier[i](x);
    return x;  // [N,4096] or [N,8]
  }
};

}  // namespace

std::unique_ptr<Net> make_alexnet(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {64, 192, 384, 256, 256};
  if (o.embedding == 0) o.embedding = 4096;
  if (o.classes == 0) o.classes = 8;
  return std::make_unique<AlexNet>(o);
}

}  // namespace limbic
