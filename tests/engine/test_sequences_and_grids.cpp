// SPDX-License-Identifier: Apache-2.0
// Ops and layers for faces and for sequences of them: spatial transformers, LSTM, attention.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "engine/numeric.h"
#include "engine/recurrent.h"

using namespace limbic;
using namespace limbic::testing;
using Inputs = std::vector<Tensor>;

namespace {

std::vector<std::string> names_of(Module& module) {
  std::vector<std::string> names;
  for (const NamedTensor& p : module.parameters()) names.push_back(p.name);
  return names;
}

}  // namespace

TEST_CASE("gradients of spatial transformers match differences") {
  const Tensor theta =
      Tensor::from({2, 2, 3}, {0.9f, 0.2f, 0.1f, -0.3f, 1.1f, -0.2f, 1.2f, 0, 0.3f, 0.1f, 0.8f, 0.25f});
  // straight lines between pixels: differences are exact until a place crosses one
  Tensor x = Tensor::empty({2, 5, 6, 2});
  for (int64_t i = 0; i < x.size(); ++i)
    x.data()[i] = 0.3f * static_cast<float>(i / 2 % 6) - 0.2f * static_cast<float>(i / 12 % 5);
  for (const bool align_corners : {false, true}) {
    const GridOptions o{.align_corners = align_corners};
    check_gradients("affine_grid", {theta}, [&](const Inputs& i) { return affine_grid(i[0], {3, 4}, o); });
    check_gradients("grid_sample", {x}, [&](const Inputs& i) {
      return grid_sample(i[0], affine_grid(theta, {3, 4}, o), o);
    });
    const Tensor inside = affine_grid(theta * 0.5f, {3, 4}, o);
    check_gradients("grid_sample's grid", {inside}, [&](const Inputs& i) { return grid_sample(x, i[0], o); });
  }
}

TEST_CASE("a shifted theta moves the picture the other way, with zeros from outside") {
  const Tensor x = Tensor::from({1, 1, 4, 1}, {1, 2, 3, 4});
  const Tensor right = Tensor::from({1, 2, 3}, {1, 0, 0.5f, 0, 1, 0});  // half of the half width: one pixel
  check_close(grid_sample(x, affine_grid(right, {1, 4})), Tensor::from({1, 1, 4, 1}, {2, 3, 4, 0}));
}

TEST_CASE("gradients of an LSTM match differences, in both directions, for sequences of any length") {
  const Inputs x{random_tensor({3, 4, 2}, 1), random_tensor({12, 2}, 2), random_tensor({12, 3}, 3),
                 random_tensor({12}, 4)};
  for (const bool reverse : {false, true}) {
    for (const Tensor& lengths : {Tensor(), Tensor::of_ints({3}, {4, 2, 0})}) {
      check_gradients("lstm", x, [&](const Inputs& i) {
        return lstm(i[0], i[1], i[2], i[3], {.reverse = reverse, .lengths = lengths});
      });
    }
  }
}

TEST_CASE("an LSTM backwards is an LSTM over the reversed sequence, and padding is 0") {
  const Tensor x = random_tensor({1, 5, 2}, 1), w_ih = random_tensor({12, 2}, 2), w_hh = random_tensor({12, 3}, 3);
  Tensor turned = Tensor::empty({1, 5, 2});
  for (int t = 0; t < 5; ++t) std::copy_n(x.data() + 2 * (4 - t), 2, turned.data() + 2 * t);
  const Tensor back = lstm(x, w_ih, w_hh, {}, {.reverse = true}), ahead = lstm(turned, w_ih, w_hh);
  for (int t = 0; t < 5; ++t)
    CHECK(std::equal(back.data() + 3 * t, back.data() + 3 * t + 3, ahead.data() + 3 * (4 - t)));
  const Tensor lengths = Tensor::of_ints({1}, {2});
  const Tensor padded = lstm(x, w_ih, w_hh, {}, {.reverse = true, .lengths = lengths});
  CHECK(same_bits(slice(padded, 1, 0, 2), lstm(slice(x, 1, 0, 2), w_ih, w_hh, {}, {.reverse = true})));
  CHECK(same_bits(slice(padded, 1, 2, 5), Tensor::zeros({1, 3, 3})));
}

TEST_CASE("masked softmax is softmax over the steps that count") {
  const Tensor x = random_tensor({3, 6}, 5, -2, 2), lengths = Tensor::of_ints({3}, {6, 1, 4});
  const Tensor y = masked_softmax(x, lengths);
  CHECK(same_bits(masked_softmax(x), softmax(x)));
  for (int n = 0; n < 3; ++n) {
    const int length = lengths.ints()[n];
    const Tensor alone = softmax(slice(slice(x, 0, n, n + 1), 1, 0, length));
    CHECK(same_bits(slice(slice(y, 0, n, n + 1), 1, 0, length), alone));
    for (int t = length; t < 6; ++t) CHECK(y.data()[n * 6 + t] == 0);
  }
  check_gradients("masked_softmax", {x}, [&](const Inputs& i) { return masked_softmax(i[0], lengths); });
}

TEST_CASE("LSTM layers carry PyTorch's names, and their forward is the op, layer by layer") {
  set_random_step(1, 1);
  Lstm layer(3, 4, {.layers = 2, .bidirectional = true});
  CHECK(names_of(layer) ==
        std::vector<std::string>{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
                                 "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1",
                                 "weight_hh_l1", "bias_ih_l1", "bias_hh_l1", "weight_ih_l1_reverse",
                                 "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse"});
  CHECK(layer.parameter_count() == 2 * (16 * 3 + 16 * 4 + 32) + 2 * (16 * 8 + 16 * 4 + 32));
  const Tensor x = random_tensor({2, 5, 3}, 6);
  std::map<std::string, Tensor> w;
  for (const NamedTensor& p : layer.parameters()) w[p.name] = *p.tensor;
  Tensor y = x;
  for (const std::string l : {"l0", "l1"}) {
    const auto walk = [&](const std::string& end, bool reverse) {
      return lstm(y, w["weight_ih_" + end], w["weight_hh_" + end], w["bias_ih_" + end] + w["bias_hh_" + end],
                  {.reverse = reverse});
    };
    y = concat({walk(l, false), walk(l + "_reverse", true)}, 2);
  }
  CHECK(same_bits(layer(x), y));
  layer.options.dropout = 0.5f;
  CHECK(!same_bits(layer(x), y));
  layer.eval();
  CHECK(same_bits(layer(x), y));
}

TEST_CASE("Keras's LSTM starts with an orthonormal recurrence and remembers") {
  set_random_step(1, 2);
  KerasLstm layer(3, 5);
  CHECK(names_of(layer) == std::vector<std::string>{"kernel", "recurrent_kernel", "bias"});
  const Tensor gram = matmul(layer.recurrent_kernel, layer.recurrent_kernel, {.trans_a = true});
  Tensor identity = Tensor::zeros({5, 5});
  for (int i = 0; i < 5; ++i) identity.data()[6 * i] = 1;
  check_close(gram, identity, 1e-6);
  for (int j = 0; j < 20; ++j) CHECK(layer.bias.data()[j] == (j >= 5 && j < 10 ? 1 : 0));
  KerasBidirectionalLstm both(3, 5);
  both.lengths = Tensor::of_ints({2}, {4, 2});
  const Tensor y = both(random_tensor({2, 4, 3}, 7));
  CHECK(y.shape() == Shape{2, 4, 10});
  CHECK(same_bits(slice(slice(y, 0, 1, 2), 1, 2, 4), Tensor::zeros({1, 2, 10})));
}

TEST_CASE("attention averages over the frames that count, no weight more than e^2 times another") {
  set_random_step(1, 3);
  SelfAttention layer(4);
  CHECK(names_of(layer) ==
        std::vector<std::string>{"attention.0.weight", "attention.0.bias", "attention.3.weight", "attention.3.bias"});
  CHECK(names_of(*std::make_unique<SelfAttention>(4, 1)) ==
        std::vector<std::string>{"attention.0.weight", "attention.0.bias"});
  Tensor weights;
  layer.softmax.on_forward([&](Module&, const Tensor&, const Tensor& a) { weights = a.detach(); });
  layer.lengths = Tensor::of_ints({2}, {5, 3});
  const Tensor h = random_tensor({2, 5, 4}, 8, -3, 3);
  const Tensor pooled = layer(h);
  CHECK(pooled.shape() == Shape{2, 4});
  REQUIRE(weights.shape() == Shape{2, 5});
  for (int n = 0; n < 2; ++n) {
    const auto first = weights.data() + n * 5, end = first + layer.lengths.ints()[n];
    CHECK(*std::max_element(first, end) <= std::exp(2.0) * *std::min_element(first, end));
  }
  check_close(pooled, sum(h * reshape(weights, {2, 5, 1}), {1}));
  Inputs inputs{h.clone()};
  for (const NamedTensor& p : layer.parameters()) inputs.push_back(*p.tensor);
  check_gradients("attention", inputs, [&](const Inputs& i) { return layer(i[0]); });
}

TEST_CASE("ops on grids and sequences name themselves, what they found and what they expected") {
  const auto zeros = [](Shape shape) { return Tensor::zeros(std::move(shape)); };
  CHECK(error_of([&] { affine_grid(zeros({2, 6}), 4); }) == "affine_grid: theta [2,6], expected [N,2,3]");
  CHECK(error_of([&] { affine_grid(zeros({2, 2, 3}), 0); }) == "affine_grid: a grid of 0x0, expected at least 1x1");
  CHECK(error_of([&] {
          grid_sample(zeros({2, 4, 1}), zeros({2, 3, 3, 2}));
        }) == "grid_sample: x [2,4,1], expected [N,H,W,C]");
  CHECK(error_of([&] {
          grid_sample(zeros({2, 4, 4, 1}), zeros({1, 3, 3, 2}));
        }) == "grid_sample: grid [1,3,3,2] for x [2,4,4,1], expected [2,P,Q,2]");
  CHECK(error_of([&] { lstm(zeros({2, 4}), zeros({8, 3}), zeros({8, 2})); }) == "lstm: x [2,4], expected [N,T,F]");
  CHECK(error_of([&] { lstm(zeros({2, 4, 3}), zeros({8, 3}), zeros({6, 2})); }) == "lstm: w_hh [6,2], expected [4D,D]");
  CHECK(error_of([&] {
          lstm(zeros({2, 4, 3}), zeros({8, 2}), zeros({8, 2}));
        }) == "lstm: w_ih [8,2] for x [2,4,3], expected [8,3]");
  CHECK(error_of([&] {
          lstm(zeros({2, 4, 3}), zeros({8, 3}), zeros({8, 2}), {}, {.lengths = Tensor::of_ints({2}, {4, 5})});
        }) == "lstm: length 5 of sequence 1, expected 0 to 4");
  CHECK(error_of([&] {
          additive_attention(zeros({2, 5, 3}), zeros({1, 3}), zeros({1}), zeros({2, 4, 6}));
        }) == "additive_attention: u [2,5,3] for h [2,4,6], expected [2,4,A]");
  CHECK(error_of([&] {
          additive_attention(zeros({2, 4, 3}), zeros({3}), zeros({1}), zeros({2, 4, 6}));
        }) == "additive_attention: weight [3] for u [2,4,3], expected [1,3]");
  CHECK(error_of([&] {
          additive_attention(zeros({2, 4, 3}), zeros({1, 3}), zeros({}), zeros({2, 4, 6}));
        }) == "additive_attention: bias [], expected [1]");
  CHECK(error_of([&] {
          masked_softmax(zeros({2, 4}), Tensor::of_ints({2}, {4, 0}));
        }) == "masked_softmax: length 0 of sequence 1, expected 1 to 4");
  CHECK(error_of([&] {
          masked_softmax(zeros({2, 4}), Tensor::of_ints({3}, {4, 1, 1}));
        }) == "masked_softmax: lengths [3] for x [2,4], expected i32 [2]");
}
