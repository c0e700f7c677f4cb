// SPDX-License-Identifier: Apache-2.0
// ResNet-50 (He et al., arXiv 1512.03385) as keras.applications.ResNet50 has it: biases in every convolution, and a
// block's stride in its first one. With system 2's head (global mean, dense 512, dense 7) 24,640,391 parameters as
// Keras counts them, of which 53,120 are statistics. Input: pictures as resnet50.preprocess_input makes them, BGR from
// 0 to 255 less the mean (103.939, 116.779, 123.68).
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "nets/keras_layers.h"
#include "nets/nets.h"

namespace limbic {
namespace {

constexpr BatchNormOptions bn_options{.momentum = 0.01f, .eps = 1.001e-5f};
constexpr BatchNormOptions bn_relu_options{.momentum = 0.01f, .eps = 1.001e-5f, .relu = true};

// conv 1x1, 3x3, 1x1 to four times the width, and a way around them, projected where the shape changes.
struct Bottleneck {
  Bottleneck(int in, int width, int stride, bool project)
      : conv1({width, 1, 1, in}, {.stride = stride}),
        conv2({width, 3, 3, width}, {.padding = 1}),
        conv3({4 * width, 1, 1, width}),
        bn1(width, bn_relu_options),
        bn2(width, bn_relu_options),
        bn3(4 * width, bn_options) {
    if (!project) return;
    conv0.emplace(Shape{4 * width, 1, 1, in}, Conv2dOptions{.stride = stride});
    bn0.emplace(4 * width, bn_options);
  }

  Tensor operator()(const Tensor& x) {                      // [N,H,W,in]
    const Tensor around = conv0 ? (*bn0)((*conv0)(x)) : x;  // [N,P,Q,4 width]
    Tensor y = bn1(conv1(x));                               // [N,P,Q,width]
    y = bn2(conv2(y));                                      // [N,P,Q,width]
    y = bn3(conv3(y));                                      // [N,P,Q,4 width]
    return relu(around + y);                                // [N,P,Q,4 width]
  }

  KerasConv conv1, conv2, conv3;
  KerasBatchNorm bn1, bn2, bn3;
  std::optional<KerasConv> conv0;
  std::optional<KerasBatchNorm> bn0;
};

class ResNet50 : public Net {
 public:
  explicit ResNet50(const NetOptions& o)
      : conv1_conv({o.widths[0], 7, 7, 3}, {.stride = 2, .padding = 3}),
        conv1_bn(o.widths[0], bn_relu_options),
        dense_0(4 * o.widths[3], o.embedding),
        dense_1(o.embedding, o.classes) {
    add_child("conv1_conv", conv1_conv);
    add_child("conv1_bn", conv1_bn);
    constexpr int depths[] = {3, 4, 6, 3};
    int channels = o.widths[0];
    for (int stack = 0; stack < 4; ++stack) {
      for (int i = 0; i < depths[stack]; ++i) {
        const int width = o.widths[stack], stride = stack > 0 && i == 0 ? 2 : 1;
        auto& b = *blocks_.emplace_back(std::make_unique<Bottleneck>(channels, width, stride, i == 0));
        const std::string block = fmt::format("conv{}_block{}_", stack + 2, i + 1);
        if (b.conv0) add_child(block + "0_conv", *b.conv0), add_child(block + "0_bn", *b.bn0);
        add_child(block + "1_conv", b.conv1), add_child(block + "1_bn", b.bn1);
        add_child(block + "2_conv", b.conv2), add_child(block + "2_bn", b.bn2);
        add_child(block + "3_conv", b.conv3), add_child(block + "3_bn", b.bn3);
        channels = 4 * width;
      }
    }
    add_child("dense", dense_0);
    add_child("dense_1", dense_1);

    options = o;
    min_frames = 32;
    typical_frames = 224;
    last_layer = "dense_1";
  }

  Tensor embed(const Tensor& picture) override {
    if (picture.rank() != 4 || picture.dim(1) < min_frames || picture.dim(2) < min_frames || picture.dim(3) != 3) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants pictures [N,224,224,3]", name, shape_text(picture.shape())));
    }
    Tensor x = conv1_bn(conv1_conv(picture));           // [N,112,112,64]
    x = max_pool2d(x, 3, {.stride = 2, .padding = 1});  // [N,56,56,64]
    for (const auto& block : blocks_) x = (*block)(x);  // [N,56,56,256] [N,28,28,512] [N,14,14,1024] [N,7,7,2048]
    x = global_avg_pool(x);                             // [N,2048]
    return relu(dense_0(x));                            // [N,512]
  }

  Tensor forward(const Tensor& picture) override {
    return dense_1(embed(picture));  // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t side) const override { return {batch, side, side, 3}; }

  KerasConv conv1_conv;
  KerasBatchNorm conv1_bn;
  Dense dense_0, dense_1;

 private:
  std::vector<std::unique_ptr<Bottleneck>> blocks_;
};

}  // namespace

std::unique_ptr<Net> make_resnet50(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {64, 128, 256, 512};
  if (o.embedding == 0) o.embedding = 512;
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<ResNet50>(o);
}

}  // namespace limbic
