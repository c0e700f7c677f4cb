// SPDX-License-Identifier: Apache-2.0
// The face net of system 2 (Scuri and Puccinelli, RAVDESS without neutral), "DCNN": grey faces of 112x112, Keras.
// 2,030,215 parameters as Keras counts them, of which 1,216 are statistics.
#include <fmt/format.h>

#include "nets/keras_layers.h"
#include "nets/nets.h"

namespace limbic {
namespace {

class System2Face : public Net {
 public:
  explicit System2Face(const NetOptions& o)
      : conv2d_0({o.widths[0], 5, 5, 1}, {.padding = 2}),
        conv2d_1({o.widths[1], 5, 5, o.widths[0]}, {.padding = 2}),
        conv2d_2({o.widths[2], 3, 3, o.widths[1]}, {.padding = 1}),
        conv2d_3({o.widths[3], 3, 3, o.widths[2]}, {.padding = 1}),
        batch_normalization_0(o.widths[0]),
        batch_normalization_1(o.widths[1]),
        batch_normalization_2(o.widths[2]),
        batch_normalization_3(o.widths[3]),
        batch_normalization_4(o.embedding),
        dense_0(7 * 7 * o.widths[3], o.embedding),
        dense_1(o.embedding, o.classes) {
    add_child("conv2d", conv2d_0);
    add_child("batch_normalization", batch_normalization_0);
    add_child("conv2d_1", conv2d_1);
    add_child("batch_normalization_1", batch_normalization_1);
    add_child("conv2d_2", conv2d_2);
    add_child("batch_normalization_2", batch_normalization_2);
    add_child("conv2d_3", conv2d_3);
    add_child("batch_normalization_3", batch_normalization_3);
    add_child("dense", dense_0);
    add_child("batch_normalization_4", batch_normalization_4);
    add_child("dense_1", dense_1);
    for (Tensor* kernel :
         {&conv2d_0.kernel, &conv2d_1.kernel, &conv2d_2.kernel, &conv2d_3.kernel, &dense_0.kernel, &dense_1.kernel}) {
      he_normal(*kernel);
    }

    options = o;
    min_frames = typical_frames = 112;
    last_layer = "dense_1";
    block_dropout = 0.4f;
    head_dropout = 0.6f;
  }

  // ELU comes after normalisation in the first block and before it in all others. Where it can wait for the pool it
  // does: the same values and gradients, from a quarter of the elements.
  Tensor embed(const Tensor& face) override {
    if (face.rank() != 4 || face.dim(1) != 112 || face.dim(2) != 112 || face.dim(3) != 1) {
      throw Error(ExitCode::usage, fmt::format("{}: input is {}, wants [N,112,112,1]", name, shape_text(face.shape())));
    }
    Tensor x = batch_normalization_0(conv2d_0(face));   // [N,112,112,32]
    x = elu(max_pool2d(x, 2));                          // [N,56,56,32]
    x = batch_normalization_1(elu(conv2d_1(x)));        // [N,56,56,64]
    x = drop(max_pool2d(x, 2), block_dropout);          // [N,28,28,64]
    x = batch_normalization_2(elu(conv2d_2(x)));        // [N,28,28,128]
    x = drop(max_pool2d(x, 2), block_dropout);          // [N,14,14,128]
    x = batch_normalization_3(elu(conv2d_3(x)));        // [N,14,14,256]
    x = drop(max_pool2d(x, 2), 1.25f * block_dropout);  // [N,7,7,256]: 0.4, 0.4, 0.5 as published
    x = flatten(x);                                     // [N,12544], channels last as Keras
    return batch_normalization_4(elu(dense_0(x)));      // [N,128]
  }

  Tensor forward(const Tensor& face) override {
    const Tensor x = drop(embed(face), head_dropout);  // [N,128]
    return dense_1(x);                                 // [N,7]
  }

  Shape input_shape(int64_t batch, int64_t) const override { return {batch, 112, 112, 1}; }

  KerasConv conv2d_0, conv2d_1, conv2d_2, conv2d_3;
  KerasBatchNorm batch_normalization_0, batch_normalization_1, batch_normalization_2, batch_normalization_3,
      batch_normalization_4;
  Dense dense_0, dense_1;

 private:
  Tensor drop(const Tensor& x, float p) { return dropout(x, p, training()); }
};

}  // namespace

std::unique_ptr<Net> make_sys2_face(const NetOptions& options) {
  NetOptions o = options;
  if (o.widths.empty()) o.widths = {32, 64, 128, 256};
  if (o.embedding == 0) o.embedding = 128;
  if (o.classes == 0) o.classes = 7;
  return std::make_unique<System2Face>(o);
}

}  // namespace limbic
