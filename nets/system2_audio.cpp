// SPDX-License-Identifier: Apache-2.0
// The two speech nets of system 2 (Scuri and Puccinelli, RAVDESS without neutral): Keras nets, so their tensors carry
// Keras's names and layout. 1-D: 296,903 parameters. 2-D: 60,359; with 64 filters 239,495; with 3x5 kernels 387,335.
#include <fmt/format.h>

#include "nets/keras_layers.h"
#include "nets/nets.h"

namespace limbic {
namespace {

// The mean over the mel bins of each frame of 3 s: 282 values.
class System2Audio1d : public Net {
 public:
  explicit System2Audio1d(const NetOptions& o)
      : conv1d_0({o.widths[0], 10, 1}),
        conv1d_1({o.widths[1], 10, o.widths[0]}),
        conv1d_2({o.widths[2], 10, o.widths[1]}),
        dense_0(3 * o.widths[2], o.embedding),
        dense_1(o.embedding, o.classes) {
    add_child("conv1d", conv1d_0);
    add_child("conv1d_1", conv1d_1);
    add_child("conv1d_2", conv1d_2);
    add_child("dense", dense_0);
    add_child("dense_1", dense_1);

    front_end = "librosa-48k-reflect";
    options = o;
    min_frames = typical_frames = 282;
    last_layer = "dense_1";
    block_dropout = head_dropout = 0.5f;
  }

  Tensor embed(const Tensor& sequence) override {
    if (sequence.rank() != 3 || sequence.dim(1) != 282 || sequence.dim(2) != 1) {
      throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants [N,282,1]", name, shape_text(sequence.shape())));
    }
    Tensor x = relu(conv1d_0(sequence));                       // [N,273,64]
    x = relu(conv1d_1(x));                                     // [N,264,128]
    x = dropout(max_pool1d(x, 8), block_dropout, training());  // [N,33,128]
    x = relu(conv1d_2(x));                                     // [N,24,128]
    x = dropout(max_pool1d(x, 8), block_dropout, training());  // [N,3,128]
    x = flatten(x);                                            // [N,384]
    return relu(dense_0(x));                                   // [N,128]
  }

  Tensor forward(const Tensor& sequence) override {
    const Tensor x = dropout(embed(sequence), head_dropout, training());  // [N,128]
    return dense_1(x);                                                    // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 282, 1}; }

  KerasConv conv1d_0, conv1d_1, conv1d_2;
  Dense dense_0, dense_1;
};

// The log-mel of 3 s as a picture: mel bins are rows, frames are columns.
class System2Audio2d : public Net {
 public:
  explicit System2Audio2d(const NetOptions& o)
      : conv2d_0({o.widths[0], o.kernel.h, o.kernel.w, 1}),
        conv2d_1({o.widths[1], o.kernel.h, o.kernel.w, o.widths[0]}),
        conv2d_2({o.widths[2], o.kernel.h, o.kernel.w, o.widths[1]}),
        dense_0(o.widths[2], o.embedding),
        dense_1(o.embedding, o.classes) {
    add_child("conv2d", conv2d_0);
    add_child("conv2d_1", conv2d_1);
    add_child("conv2d_2", conv2d_2);
    add_child("dense", dense_0);
    add_child("dense_1", dense_1);

    front_end = "librosa-48k-reflect";
    options = o;
    min_frames = typical_frames = 282;
    last_layer = "dense_1";
    block_dropout = head_dropout = 0.2f;
  }

  // Shapes for 3x3 kernels and 32 filters.
  Tensor embed(const Tensor& picture) override {
    if (picture.rank() != 4 || picture.dim(1) < 24 || picture.dim(2) < 24 || picture.dim(3) != 1) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: input is {}, wants [N,128,282,1]", name, shape_text(picture.shape())));
    }
    // ReLU after the pool: the same values and gradients, from a quarter of the elements.
    Tensor x = conv2d_0(picture);                          // [N,126,280,32]
    x = relu(max_pool2d(x, 2));                            // [N,63,140,32]
    x = conv2d_1(x);                                       // [N,61,138,64]
    x = relu(max_pool2d(x, 2));                            // [N,30,69,64]
    x = conv2d_2(dropout(x, block_dropout, training()));   // [N,28,67,64]
    x = relu(global_max_pool(x));                          // [N,64]
    x = dropout(x, block_dropout, training());             // [N,64]
    return relu(dense_0(x));                               // [N,64]
  }

  Tensor forward(const Tensor& picture) override {
    const Tensor x = dropout(embed(picture), head_dropout, training());  // [N,64]
    return dense_1(x);                                                   // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t frames) const override { return {batch, options.mels, frames, 1}; }

  KerasConv conv2d_0, conv2d_1, conv2d_2;
  Dense dense_0, dense_1;
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
