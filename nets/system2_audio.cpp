// SPDX-License-Identifier: Apache-2.0
// The two speech nets of system 2 (Scuri and Puccinelli, RAVDESS without neutral): Keras nets, so their tensors carry
// Keras's names and layout. 1-D: 296,903 parameters. 2-D: 60,359; with 64 filters 239,495; with 3x5 kernels 387,335.
#include <fmt/format.h>

#include "nets/keras_layers.h"
#include "nets/nets.h"

namespace limbic {
namespace {

// [K,window...,C]
Shape kernel_of(int out, Shape window, int in) {
  window.insert(window.begin(), out);
  window.push_back(in);
  return window;
}

// Three convolutions and two dense layers; embed, in between, is each net's own.
class System2Audio : public Net {
 public:
  System2Audio(const NetOptions& o, const std::string& conv, const Shape& window, int dense_inputs)
      : conv_0(kernel_of(o.widths[0], window, 1)),
        conv_1(kernel_of(o.widths[1], window, o.widths[0])),
        conv_2(kernel_of(o.widths[2], window, o.widths[1])),
        dense_0(dense_inputs, o.embedding),
        dense_1(o.embedding, o.classes) {
    add_child(conv, conv_0);
    add_child(conv + "_1", conv_1);
    add_child(conv + "_2", conv_2);
    add_child("dense", dense_0);
    add_child("dense_1", dense_1);

    front_end = "librosa-48k-reflect";
    options = o;
    typical_frames = 282;
    last_layer = "dense_1";
  }

  Tensor forward(const Tensor& x) override {
    return dense_1(dropout(embed(x), head_dropout, training()));  // [N,7]
  }

  KerasConv conv_0, conv_1, conv_2;
  Dense dense_0, dense_1;
};

// The mean over the mel bins of each frame of 3 s: 282 values.
class System2Audio1d : public System2Audio {
 public:
  explicit System2Audio1d(const NetOptions& o) : System2Audio(o, "conv1d", {10}, 3 * o.widths[2]) {
    block_dropout = head_dropout = 0.5f;
    min_frames = typical_frames;
  }

  Tensor embed(const Tensor& sequence) override {
    if (sequence.rank() != 3 || sequence.dim(1) != 282 || sequence.dim(2) != 1) {
      throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants [N,282,1]", name, shape_text(sequence.shape())));
    }
    Tensor x = relu(conv_0(sequence));                         // [N,273,64]
    x = relu(conv_1(x));                                       // [N,264,128]
    x = dropout(max_pool1d(x, 8), block_dropout, training());  // [N,33,128]
    x = relu(conv_2(x));                                       // [N,24,128]
    x = dropout(max_pool1d(x, 8), block_dropout, training());  // [N,3,128]
    x = flatten(x);                                            // [N,384]
    return relu(dense_0(x));                                   // [N,128]
  }

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 282, 1}; }
};

// The log-mel of 3 s as a picture: mel bins are rows, frames are columns.
class System2Audio2d : public System2Audio {
 public:
  explicit System2Audio2d(const NetOptions& o) : System2Audio(o, "conv2d", {o.kernel.h, o.kernel.w}, o.widths[2]) {
    block_dropout = head_dropout = 0.2f;
    min_frames = smallest(o.kernel.w);
  }

  // Shapes for 3x3 kernels and 32 filters.
  Tensor embed(const Tensor& picture) override {
    if (picture.rank() != 4 || picture.dim(1) < smallest(options.kernel.h) || picture.dim(2) < min_frames ||
        picture.dim(3) != 1) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants [N,128,282,1]", name, shape_text(picture.shape())));
    }
    // ReLU after the pool: the same values and gradients, from a quarter of the elements.
    Tensor x = conv_0(picture);                         // [N,126,280,32]
    x = relu(max_pool2d(x, 2));                         // [N,63,140,32]
    x = conv_1(x);                                      // [N,61,138,64]
    x = relu(max_pool2d(x, 2));                         // [N,30,69,64]
    x = conv_2(dropout(x, block_dropout, training()));  // [N,28,67,64]
    x = relu(global_max_pool(x));                       // [N,64]
    x = dropout(x, block_dropout, training());          // [N,64]
    return relu(dense_0(x));                            // [N,64]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, options.mels, frames, 1}; }

 private:
  // What leaves one position after convolution, pool, convolution, pool, convolution.
  static int smallest(int kernel) { return 7 * kernel - 3; }
};

}  // namespace

std::unique_ptr<Net> make_sys2_audio_1d(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {64, 128, 128};
  if (o.embedding == 0) o.embedding = 128;
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<System2Audio1d>(o);
}

std::unique_ptr<Net> make_sys2_audio_2d(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {32, 64, 64};
  if (o.widths.size() == 1) o.widths = {o.widths[0], 2 * o.widths[0], 2 * o.widths[0]};  // published as one number
  if (o.embedding == 0) o.embedding = o.widths[2];
  if (o.mels == 0) o.mels = 128;
  if (o.kernel.h == 0) o.kernel = {3, 3};
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<System2Audio2d>(o);
}

}  // namespace limbic
