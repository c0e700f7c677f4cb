// SPDX-License-Identifier: Apache-2.0
// Ops and nets of the face side against PyTorch, Keras and NumPy: tests/fixtures/face/reference.h5 comes from
// tools/make_face_reference.py.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "engine/recurrent.h"
#include "io/hdf5.h"
#include "nets/registry.h"
#include "nets/saliency.h"

using namespace limbic;

namespace {

const H5File& reference() {
  static const H5File file = read_hdf5(LIMBIC_SOURCE_DIR "/tests/fixtures/face/reference.h5");
  return file;
}

Tensor stored(const std::string& name) {
  const H5Tensor* t = reference().find(name);
  INFO(name);
  REQUIRE(t);
  return Tensor::from(t->shape, t->floats());
}

Tensor stored_ints(const std::string& name) {
  const Tensor t = stored(name);
  std::vector<int32_t> values;
  for (const float v : t.to_vector()) values.push_back(static_cast<int32_t>(v));
  return Tensor::of_ints(t.shape(), values);
}

/// Every element within `tolerance` of the stored one, relative to the largest where that is above 1.
void check_against(const std::string& name, const Tensor& found, double tolerance = 1e-5) {
  const Tensor expected = stored(name);
  INFO(name);
  REQUIRE(found.shape() == expected.shape());
  double largest = 1, worst = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::fabs(double{expected.data()[i]}));
    const double error = std::fabs(double{found.data()[i]} - expected.data()[i]);
    if (!(error <= worst)) worst = error;
  }
  INFO("largest error " << worst << ", largest value " << largest);
  CHECK(worst <= tolerance * largest);
}

// The script's `numbers`: uniform in [-scale, scale).
std::vector<float> numbers(int64_t n, double key, double scale = 1) {
  std::vector<float> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const double wave = std::sin(static_cast<double>(i) * 12.9898 + key) * 43758.5453;
    values[static_cast<size_t>(i)] = static_cast<float>((2 * (wave - std::floor(wave)) - 1) * scale);
  }
  return values;
}

Tensor numbers(const Shape& shape, double key, double scale = 1) {
  return Tensor::from(shape, numbers(element_count(shape), key, scale));
}

// The script's `fill`: weights and statistics from their place in the state.
void fill(Module& module) {
  double key = 0;
  for (const NamedTensor& t : module.state()) {
    const std::string& name = t.name;
    if (name.ends_with("num_batches_tracked")) continue;
    const int64_t size = t.tensor->size();
    const bool scales = name.ends_with("running_var") || name.ends_with("moving_variance") ||
                        name.ends_with("norm.weight") || name.ends_with("gamma");
    std::vector<float> values;
    if (scales) {
      values = numbers(size, key, 0.5);
      for (float& v : values) v += 1;
    } else if (t.tensor->rank() < 2) {
      values = numbers(size, key, 0.1);
    } else {
      values = numbers(size, key, std::sqrt(3.0 / static_cast<double>(size / t.tensor->dim(0))));
    }
    from_file_layout(t, values.data());
    ++key;
  }
}

Tensor leaf(Tensor t) {
  t.set_requires_grad();
  return t;
}

void check_gradients(const std::string& group, Module& module) {
  for (const NamedTensor& p : module.parameters()) check_against(group + "/gradient/" + p.name, p.tensor->grad());
}

std::unique_ptr<Net> filled(const std::string& name, const NetOptions& options = {}) {
  auto net = make_net(name, options);
  fill(*net);
  net->eval();
  return net;
}

}  // namespace

TEST_CASE("affine_grid and grid_sample agree with PyTorch, gradients included") {
  for (const bool align_corners : {false, true}) {
    for (const char* channels : {"1", "3"}) {
      const std::string group = std::string("grid/align") + (align_corners ? "1" : "0") + "_c" + channels + "/";
      const GridOptions o{.align_corners = align_corners};
      const Tensor x = leaf(stored(group + "x")), theta = leaf(stored(group + "theta"));
      const Tensor grid = affine_grid(theta, {7, 6}, o), y = grid_sample(x, grid, o);
      Tensor dgrid;
      const Tensor watched = watch_gradient(grid, [&](const Tensor& g) { dgrid = g.clone(); });
      backward(sum(grid_sample(x, watched, o) * stored(group + "dy")));
      check_against(group + "grid", grid);
      check_against(group + "y", y);
      check_against(group + "dx", x.grad());
      check_against(group + "dgrid", dgrid);
      check_against(group + "dtheta", theta.grad());
    }
  }
}

TEST_CASE("a padded bidirectional LSTM of two layers agrees with PyTorch, gradients included") {
  Lstm layer(5, 6, {.layers = 2, .bidirectional = true});
  fill(layer);
  layer.lengths = stored_ints("lstm/lengths");
  const Tensor x = leaf(stored("lstm/x"));
  const Tensor y = layer(x);
  backward(sum(y * stored("lstm/dy")));
  check_against("lstm/y", y);
  check_against("lstm/dx", x.grad());
  check_gradients("lstm", layer);
}

TEST_CASE("a masked bidirectional LSTM agrees with Keras where it counts") {
  KerasBidirectionalLstm layer(5, 6);
  fill(layer);
  layer.lengths = stored_ints("lstm/lengths");
  check_against("keras_lstm/y", layer(stored("lstm/x")));
}

TEST_CASE("attention of two layers over padded sequences agrees with PyTorch, gradients included") {
  SelfAttention layer(12);
  fill(layer);
  layer.lengths = stored_ints("attention/lengths");
  Tensor weights;
  layer.softmax.on_forward([&](Module&, const Tensor&, const Tensor& a) { weights = a.detach(); });
  const Tensor h = leaf(stored("attention/h"));
  const Tensor y = layer(h);
  backward(sum(y * stored("attention/dy")));
  check_against("attention/y", y);
  check_against("attention/weights", weights);
  check_against("attention/dh", h.grad());
  check_gradients("attention", layer);
}

TEST_CASE("the face nets of system 1 agree with PyTorch") {
  const NoGrad inference;
  for (const char* name : {"guided-stn", "unguided-stn", "no-stn"}) {
    auto net = filled(name);
    for (const NamedTensor& p : net->parameters()) {  // near the identity, where the face is
      if (p.name == "fc_loc.2.weight") p.tensor->copy_from(*p.tensor * 0.1f);
      if (p.name == "fc_loc.2.bias") p.tensor->copy_from(*p.tensor + Tensor::from({6}, {1, 0, 0, 0, 1, 0}));
    }
    check_against(std::string("nets/") + name, (*net)(numbers(net->input_shape(2, 48), 41)));
  }
}

TEST_CASE("the sequence net of system 1 agrees with PyTorch") {
  const NoGrad inference;
  NetOptions o;
  o.features = 5, o.widths = {6, 6};
  auto net = filled("bilstm-attention", o);
  net->lengths = stored_ints("lstm/lengths");
  check_against("nets/bilstm-attention", (*net)(numbers({4, 9, 5}, 40)));
}

TEST_CASE("system 2's face net and ResNet-50 agree with Keras") {
  const NoGrad inference;
  check_against("nets/sys2-face", (*filled("sys2-face"))(numbers({2, 112, 112, 1}, 42)));
  check_against("nets/resnet50", (*filled("resnet50"))(numbers({1, 64, 64, 3}, 42, 100)));
  CHECK(stored("nets/sys2-face_parameters").item() == 2'030'215);
  CHECK(stored("nets/resnet50_parameters").item() == 24'640'391);  // f32 holds it: below 2^25, and odd ones round
}

TEST_CASE("spectral residual saliency agrees with NumPy") {
  for (const std::string group : {"guide/face/", "guide/wide/"}) {
    const Tensor picture = stored(group + "picture");
    const Shape shape{1, picture.dim(0), picture.dim(1), 1};
    check_against(group + "salience", spectral_residual(picture.view(shape)).view(picture.shape()));
  }
}
