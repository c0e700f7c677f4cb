// SPDX-License-Identifier: Apache-2.0
// Every op against differences, and against other ops that must say the same.
#include "engine/ops.h"

#include "engine/numeric.h"

using namespace limbic;
using namespace limbic::testing;
using Inputs = std::vector<Tensor>;

TEST_CASE("gradients of arithmetic, with broadcasting, match differences") {
  const std::vector<std::pair<Shape, Shape>> shapes{{{2, 3}, {2, 3}},   {{2, 3}, {3}}, {{2, 3}, {2, 1}},
                                                    {{3}, {2, 3}},      {{}, {2, 3}},  {{1, 3}, {2, 1}},
                                                    {{2, 1, 3}, {4, 1}}};
  for (const auto& [a, b] : shapes) {
    const Inputs x{random_tensor(a, 1, 0.5f, 2), random_tensor(b, 2, 0.6f, 2.1f)};
    check_gradients("add", x, [](const Inputs& i) { return i[0] + i[1]; });
    check_gradients("sub", x, [](const Inputs& i) { return i[0] - i[1]; });
    check_gradients("mul", x, [](const Inputs& i) { return i[0] * i[1]; });
    check_gradients("div", x, [](const Inputs& i) { return i[0] / i[1]; });
  }
}

TEST_CASE("gradients of functions of one tensor match differences") {
  const Inputs positive{random_tensor({3, 5}, 3, 0.3f, 2)}, any{random_tensor({2, 3, 4}, 4, -2, 2)};
  Inputs away_from_zero{any[0].clone()};
  for (float& v : std::span(away_from_zero[0].data(), 24)) v += v < 0 ? -0.1f : 0.1f;
  check_gradients("relu", away_from_zero, [](const Inputs& i) { return relu(i[0]); });
  check_gradients("leaky_relu", away_from_zero, [](const Inputs& i) { return leaky_relu(i[0], 0.2f); });
  check_gradients("elu", away_from_zero, [](const Inputs& i) { return elu(i[0], 0.7f); });
  check_gradients("abs", away_from_zero, [](const Inputs& i) { return abs(i[0]); });
  check_gradients("sigmoid", any, [](const Inputs& i) { return sigmoid(i[0]); });
  check_gradients("tanh", any, [](const Inputs& i) { return tanh(i[0]); });
  check_gradients("exp", any, [](const Inputs& i) { return exp(i[0]); });
  check_gradients("square", any, [](const Inputs& i) { return square(i[0]); });
  check_gradients("neg", any, [](const Inputs& i) { return -i[0]; });
  check_gradients("log", positive, [](const Inputs& i) { return log(i[0]); });
  check_gradients("sqrt", positive, [](const Inputs& i) { return sqrt(i[0]); });
  check_gradients("softmax", any, [](const Inputs& i) { return softmax(i[0]); });
  check_gradients("log_softmax", any, [](const Inputs& i) { return log_softmax(i[0]); });
}

TEST_CASE("gradients of reductions match differences, over any set of axes") {
  const Inputs x{random_tensor({2, 3, 4, 2}, 5, -2, 2)};
  for (const auto& axes : std::vector<std::vector<int>>{{}, {0}, {-1}, {1, 2}, {0, 2}, {1, 3}, {0, 1, 3}}) {
    for (bool keep : {false, true}) {
      check_gradients("sum", x, [&](const Inputs& i) { return sum(i[0], axes, keep); });
      check_gradients("mean", x, [&](const Inputs& i) { return mean(i[0], axes, keep); });
    }
  }
  const Tensor spread = Tensor::from({2, 3}, {1, 5, 2, 8, 0, 3});  // no two maxima closer than the difference
  check_gradients("max", {spread}, [](const Inputs& i) { return max(i[0], {1}); });
  check_gradients("max", {spread}, [](const Inputs& i) { return max(i[0], {0}); });
  CHECK(max(spread).item() == 8);
  CHECK(mean(x[0], {0, 2}).shape() == Shape{3, 2});
  CHECK(sum(x[0], {0, 2}, true).shape() == Shape{1, 3, 1, 2});
  CHECK(argmax(spread) == std::vector<int32_t>{1, 0});
}

TEST_CASE("gradients of products match differences") {
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      const Inputs x{random_tensor(ta ? Shape{4, 3} : Shape{3, 4}, 6),
                     random_tensor(tb ? Shape{5, 4} : Shape{4, 5}, 7)};
      check_gradients("matmul", x, [&](const Inputs& i) { return matmul(i[0], i[1], {.trans_a = ta, .trans_b = tb}); });
      const Inputs batched{random_tensor(ta ? Shape{2, 4, 3} : Shape{2, 3, 4}, 6),
                           random_tensor(tb ? Shape{2, 5, 4} : Shape{2, 4, 5}, 7)};
      check_gradients("matmul, batched", batched,
                      [&](const Inputs& i) { return matmul(i[0], i[1], {.trans_a = ta, .trans_b = tb}); });
    }
  }
  check_gradients("matmul, shared b", {random_tensor({2, 3, 4}, 8), random_tensor({4, 5}, 9)},
                  [](const Inputs& i) { return matmul(i[0], i[1]); });
  check_gradients("linear", {random_tensor({2, 3, 4}, 8), random_tensor({5, 4}, 9), random_tensor({5}, 10)},
                  [](const Inputs& i) { return linear(i[0], i[1], i[2]); });
}

TEST_CASE("gradients of convolutions match differences") {
  struct Case {
    Shape x, w;
    Conv2dOptions options;
  };
  const std::vector<Case> cases{
      {{2, 5, 4, 3}, {4, 3, 3, 3}, {.padding = 1}},
      {{1, 6, 5, 2}, {3, 3, 2, 2}, {.stride = {2, 1}}},
      {{1, 7, 6, 4}, {4, 3, 1, 2}, {.padding = {2, 0}, .dilation = {2, 1}, .groups = 2}},
      {{2, 3, 3, 3}, {3, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 3}},
      {{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
  };
  for (const Case& c : cases) {
    check_gradients("conv2d", {random_tensor(c.x, 11), random_tensor(c.w, 12), random_tensor({c.w[0]}, 13)},
                    [&](const Inputs& i) { return conv2d(i[0], i[1], i[2], c.options); });
  }
  check_gradients("conv1d", {random_tensor({2, 9, 4}, 11), random_tensor({6, 3, 2}, 12), random_tensor({6}, 13)},
                  [](const Inputs& i) {
                    return conv1d(i[0], i[1], i[2], {.stride = 2, .padding = 1, .dilation = 2, .groups = 2});
                  });
}

TEST_CASE("a 1x1 convolution is a linear layer, and conv1d a conv2d of height 1") {
  const Tensor x = random_tensor({2, 3, 4, 5}, 14), w = random_tensor({6, 5}, 15), b = random_tensor({6}, 16);
  check_close(conv2d(x, w.view({6, 1, 1, 5}), b), linear(x, w, b));
  const Tensor s = random_tensor({2, 9, 4}, 17), v = random_tensor({5, 3, 4}, 18);
  check_close(
      conv1d(s, v, {}, {.stride = 2, .padding = 1}),
      conv2d(s.view({2, 1, 9, 4}), v.view({5, 1, 3, 4}), {}, {.stride = {1, 2}, .padding = {0, 1}}).view({2, 5, 5}));
}

TEST_CASE("prepared weights are forgotten when the weights change") {
  const NoGrad no_grad;
  const Tensor x = random_tensor({1, 12, 12, 32}, 19);
  Tensor w = random_tensor({32, 3, 3, 32}, 20);
  const auto run = [&] { return conv2d(x, w, {}, {.padding = 1}); };
  const Tensor first = run();
  CHECK(same_bits(run(), first));
  w.data()[0] += 1;
  const Tensor changed = run();
  CHECK(!same_bits(changed, first));
  CHECK(same_bits(conv2d(x, w.clone(), {}, {.padding = 1}), changed));
  w.copy_from(random_tensor({32, 3, 3, 32}, 20));
  CHECK(same_bits(run(), first));
}

TEST_CASE("prepared weights are those of the shape that is used, not of another view of the same storage") {
  const NoGrad no_grad;
  const Tensor x = random_tensor({1, 9, 9, 16}, 30), w = random_tensor({32, 3, 3, 16}, 31);
  const Tensor other = w.view({16, 3, 3, 32}), other_x = random_tensor({1, 9, 9, 32}, 32);
  conv2d(x, w);
  CHECK(same_bits(conv2d(other_x, other), conv2d(other_x, other.clone())));
}

TEST_CASE("prepared weights are those of the map that is used, whose size decides Winograd's tiles") {
  const NoGrad no_grad;
  const Tensor w = random_tensor({32, 3, 3, 32}, 33);
  for (const int64_t side : {12, 6, 12}) {
    INFO("side " << side);
    const Tensor x = random_tensor({1, side, side, 32}, 34);
    CHECK(same_bits(conv2d(x, w, {}, {.padding = 1}), conv2d(x, w.clone(), {}, {.padding = 1})));
  }
}

TEST_CASE("gradients of batch normalisation match differences") {
  for (bool training : {true, false}) {
    for (bool squared : {false, true}) {
      Tensor mean = random_tensor({3}, 21), var = random_tensor({3}, 22, 0.5f, 2);
      const Inputs x{random_tensor({4, 3, 2, 3}, 23, -2, 2), random_tensor({3}, 24, 0.5f, 2), random_tensor({3}, 25)};
      check_gradients("batch_norm", x, [&](const Inputs& i) {
        const Tensor y = batch_norm(i[0], i[1], i[2], mean, var, {.training = training, .momentum = 0});
        return squared ? square(y) : y;
      });
    }
  }
}

TEST_CASE("batch normalisation with relu is relu of batch normalisation, gradients included") {
  for (bool training : {true, false}) {
    const Tensor x = random_tensor({3, 4, 5, 6}, 26, -2, 2), dy = random_tensor({3, 4, 5, 6}, 27);
    Tensor y[2], gradients[2][3];
    for (int fused : {0, 1}) {
      Tensor in = x.clone(), w = random_tensor({6}, 28, 0.5f, 2), b = random_tensor({6}, 29);
      for (Tensor* t : {&in, &w, &b}) t->set_requires_grad();
      Tensor mean = Tensor::zeros({6}), var = Tensor::full({6}, 1);
      y[fused] = batch_norm(in, w, b, mean, var, {.training = training, .relu = fused == 1});
      if (!fused) y[fused] = relu(y[fused]);
      backward(sum(y[fused] * dy));
      gradients[fused][0] = in.grad(), gradients[fused][1] = w.grad(), gradients[fused][2] = b.grad();
    }
    CHECK(same_bits(y[0], y[1]));
    for (int i : {0, 1, 2}) check_close(gradients[1][i], gradients[0][i]);
  }
}

TEST_CASE("running statistics follow PyTorch: momentum 0.1 and the unbiased variance") {
  const Tensor x = Tensor::from({4, 1}, {1, 2, 3, 6});  // mean 3, biased 3.5, unbiased 14/3
  const Tensor one = Tensor::full({1}, 1), zero = Tensor::zeros({1});
  Tensor mean = Tensor::full({1}, 10), var = Tensor::full({1}, 1);
  batch_norm(x, one, zero, mean, var, {.training = true});
  CHECK(mean.item() == Approx(0.9 * 10 + 0.1 * 3));
  CHECK(var.item() == Approx(0.9 + 0.1 * 14 / 3));
  var = Tensor::full({1}, 1);
  batch_norm(x, one, zero, mean, var, {.training = true, .momentum = 0.01f, .unbiased_running_var = false});
  CHECK(var.item() == Approx(0.99 + 0.01 * 3.5));
}

TEST_CASE("convolution with batch norm and relu in its tail gives the bits of the three ops, alone and in a batch") {
  if (active_isa() == Isa::reference) return;  // references promise numbers, not bits
  const NoGrad no_grad;
  for (const int64_t C : {1, 16, 64}) {  // shapes that go to different rungs
    const int64_t K = C == 1 ? 24 : C;
    const Tensor x = random_tensor({2, 21, 19, C}, 30), w = random_tensor({K, 3, 3, C}, 31);
    const Tensor gamma = random_tensor({K}, 32, 0.5f, 2), beta = random_tensor({K}, 33);
    Tensor mean = random_tensor({K}, 34), var = random_tensor({K}, 35, 0.5f, 2);
    for (bool with_relu : {false, true}) {
      INFO("C " << C << " relu " << with_relu);
      const BatchNormOptions bn{.eps = 1e-3f, .relu = with_relu};
      const Tensor separate = batch_norm(conv2d(x, w, {}, {.padding = 1}), gamma, beta, mean, var, bn);
      CHECK(same_bits(conv2d_batch_norm(x, w, {}, {.padding = 1}, gamma, beta, mean, var, bn), separate));
      const Tensor second = conv2d_batch_norm(slice(x, 0, 1, 2), w, {}, {.padding = 1}, gamma, beta, mean, var, bn);
      CHECK(same_bits(second, slice(separate, 0, 1, 2)));
    }
  }
}

TEST_CASE("prepared weights give the bits of those that are prepared on the way") {
  for (const int64_t C : {1, 16, 64}) {
    const Tensor x = random_tensor({1, 13, 15, C}, 30);
    Tensor w = random_tensor({64, 3, 3, C}, 31);
    w.set_requires_grad();
    const Tensor recorded = conv2d(x, w, {}, {.padding = 1});
    const NoGrad no_grad;
    for (int i : {1, 2}) {
      INFO("C " << C << " call " << i);
      CHECK(same_bits(conv2d(x, w, {}, {.padding = 1}), recorded));
    }
  }
}

TEST_CASE("gradients of pooling match differences") {
  const Tensor x = random_tensor({2, 5, 6, 3}, 36, -3, 3);
  check_gradients("avg_pool2d", {x}, [](const Inputs& i) { return avg_pool2d(i[0], {2, 3}); });
  check_gradients("avg_pool2d", {x}, [](const Inputs& i) {
    return avg_pool2d(i[0], 3, {.stride = 2, .padding = 1, .count_include_pad = false});
  });
  check_gradients("global_avg_pool", {x}, [](const Inputs& i) { return global_avg_pool(i[0]); });
  check_gradients("adaptive_avg_pool2d", {x}, [](const Inputs& i) { return adaptive_avg_pool2d(i[0], {3, 4}); });
  check_gradients("avg_pool1d", {random_tensor({2, 7, 3}, 37)}, [](const Inputs& i) { return avg_pool1d(i[0], 2); });
  Tensor distinct = Tensor::empty({1, 6, 6, 2});  // no two values closer than the difference
  for (int64_t i = 0; i < 72; ++i) distinct.data()[i] = 0.1f * static_cast<float>(i * 29 % 72);
  check_gradients("max_pool2d", {distinct},
                  [](const Inputs& i) { return max_pool2d(i[0], 3, {.stride = 2, .padding = 1}); });
  check_gradients("max_pool1d", {distinct.view({2, 18, 2})}, [](const Inputs& i) { return max_pool1d(i[0], 3); });
  check_gradients("global_max_pool", {distinct}, [](const Inputs& i) { return global_max_pool(i[0]); });
  CHECK(adaptive_avg_pool2d(random_tensor({1, 12, 6, 2}, 1), {6, 6}).shape() == Shape{1, 6, 6, 2});
}

TEST_CASE("gradients of shape ops match differences") {
  const Tensor x = random_tensor({2, 3, 4}, 38), y = random_tensor({2, 2, 4}, 39);
  check_gradients("reshape", {x}, [](const Inputs& i) { return reshape(i[0], {4, -1}); });
  check_gradients("permute", {x}, [](const Inputs& i) { return permute(i[0], {2, 0, 1}); });
  check_gradients("concat", {x, y, x.clone()}, [](const Inputs& i) { return concat({i[0], i[1], i[2]}, 1); });
  check_gradients("slice", {x}, [](const Inputs& i) { return slice(i[0], 1, 1, 3); });
  check_gradients("pad", {x}, [](const Inputs& i) { return pad(i[0], {{1, 0}, {0, 2}, {1, 1}}); });
}

TEST_CASE("shape ops move the elements they name") {
  const Tensor x = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(permute(x, {1, 0}).to_vector() == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(slice(x, 1, -2, 3).to_vector() == std::vector<float>{2, 3, 5, 6});
  CHECK(concat({x, x}, 0).shape() == Shape{4, 3});
  CHECK(concat({x, slice(x, 1, 0, 1)}, 1).to_vector() == std::vector<float>{1, 2, 3, 1, 4, 5, 6, 4});
  CHECK(pad(x, {{0, 0}, {1, 1}}).to_vector() == std::vector<float>{0, 1, 2, 3, 0, 0, 4, 5, 6, 0});
  CHECK(flatten_channels_first(x.view({1, 3, 1, 2})).to_vector() == std::vector<float>{1, 3, 5, 2, 4, 6});
  CHECK(reshape(x, {-1}).shape() == Shape{6});
}

TEST_CASE("gradients of losses match differences") {
  const Tensor logits = random_tensor({4, 3}, 40, -2, 2), weight = Tensor::from({3}, {0.5f, 1, 3});
  const Tensor labels = Tensor::of_ints({4}, {0, 2, 1, 2}), soft = softmax(random_tensor({4, 3}, 41));
  check_gradients("cross_entropy", {logits}, [&](const Inputs& i) { return cross_entropy(i[0], labels); });
  check_gradients("cross_entropy", {logits}, [&](const Inputs& i) { return cross_entropy(i[0], labels, {weight}); });
  check_gradients("cross_entropy", {logits}, [&](const Inputs& i) { return cross_entropy(i[0], soft); });
  check_gradients("cross_entropy", {logits}, [&](const Inputs& i) { return cross_entropy(i[0], soft, {weight}); });
  const Tensor p = random_tensor({2, 5}, 42, 0.2f, 0.8f), t = random_tensor({2, 5}, 43, 0, 1);
  check_gradients("binary_cross_entropy", {p}, [&](const Inputs& i) { return binary_cross_entropy(i[0], t); });
  check_gradients("mse", {p, t}, [](const Inputs& i) { return mse(i[0], i[1]); });
  check_gradients("l2", {p}, [](const Inputs& i) { return l2(i[0]); });
}

TEST_CASE("losses equal their formulas") {
  const Tensor logits = random_tensor({4, 3}, 40, -2, 2), weight = Tensor::from({3}, {0.5f, 1, 3});
  const std::vector<int32_t> label{0, 2, 1, 2};
  const Tensor logp = log_softmax(logits);
  double plain = 0, weighted = 0, weights = 0;
  for (size_t i = 0; i < 4; ++i) {
    const float l = -logp.data()[i * 3 + static_cast<size_t>(label[i])], w = weight.data()[label[i]];
    plain += l / 4, weighted += l * w, weights += w;
  }
  const Tensor labels = Tensor::of_ints({4}, label);
  CHECK(cross_entropy(logits, labels).item() == Approx(plain));
  CHECK(cross_entropy(logits, labels, {weight}).item() == Approx(weighted / weights));
  const Tensor certain = Tensor::from({2}, {0, 1}), wrong = Tensor::from({2}, {1, 1});
  CHECK(binary_cross_entropy(certain, wrong).item() == Approx(50));  // the log is held at -100
  CHECK(l2(Tensor::from({2}, {3, 4})).item() == 25);
}

TEST_CASE("dropout keeps 1 - p, scales, and drops the same elements on the way back") {
  set_random_step(3, 5);
  Tensor x = Tensor::full({10000}, 1);
  x.set_requires_grad();
  const Tensor y = dropout(x, 0.25f, true);
  backward(sum(y));
  CHECK(same_bits(x.grad(), y));
  CHECK(mean(y).item() == Approx(1).margin(0.03));
  for (float v : y.to_vector()) CHECK((v == 0 || v == Approx(4.0 / 3)));
  CHECK(!same_bits(dropout(x, 0.25f, true), y));  // the next op has its own stream
  set_random_step(3, 5);
  CHECK(same_bits(dropout(x, 0.25f, true), y));  // and the same step the same numbers
  CHECK(same_bits(dropout(x, 0.25f, false), x));
}

TEST_CASE("an op that cannot serve a shape names itself, what it found and what it expected") {
  const auto zeros = [](Shape shape) { return Tensor::zeros(std::move(shape)); };
  CHECK(error_of([&] {
          conv2d(zeros({2, 8, 8, 3}), zeros({16, 3, 3, 4}));
        }) == "conv2d: x [2,8,8,3] has 3 channels, weight [16,3,3,4] wants 4");
  CHECK(error_of([&] {
          conv2d(zeros({2, 8, 8, 4}), zeros({15, 3, 3, 2}), {}, {.groups = 2});
        }) == "conv2d: groups 2 do not divide the 15 filters of weight [15,3,3,2]");
  CHECK(error_of([&] {
          conv2d(zeros({2, 2, 8, 4}), zeros({16, 3, 3, 4}));
        }) == "conv2d: x [2,2,8,4] is smaller than the filter of weight [16,3,3,4]");
  CHECK(error_of([&] {
          conv2d(zeros({2, 8, 8, 4}), zeros({16, 3, 3, 4}), zeros({4}));
        }) == "conv2d: bias [4], expected [16]");
  CHECK(error_of([&] { conv1d(zeros({2, 8, 8, 4}), zeros({16, 3, 4})); }) == "conv1d: x [2,8,8,4], expected [N,T,C]");
  CHECK(error_of([&] {
          linear(zeros({2, 3}), zeros({5, 4}));
        }) == "linear: x [2,3] has 3 features, weight [5,4] wants 4");
  CHECK(error_of([&] {
          matmul(zeros({2, 3}), zeros({4, 5}));
        }) == "matmul: a [2,3] has an inner extent of 3, b [4,5] wants 4");
  CHECK(error_of([&] { add(zeros({2, 3}), zeros({2})); }) == "add: a [2,3] and b [2] do not broadcast (3 against 2)");
  CHECK(error_of([&] { sum(zeros({2, 3}), {2}); }) == "sum: x [2,3] has no axis 2");
  CHECK(error_of([&] { reshape(zeros({2, 3}), {4, -1}); }) == "reshape: [2,3] does not fit into [4,-1]");
  CHECK(error_of([&] {
          max_pool2d(zeros({1, 2, 2, 1}), 3);
        }) == "max_pool2d: x [1,2,2,1] is smaller than the window 3x3");
  const int half = 1 << 30, most = std::numeric_limits<int>::max();
  CHECK(error_of([&] {
          conv2d(zeros({1, 2, 2, 1}), zeros({1, 1, 1, 1}), {}, {.padding = {half, 0}});
        }) == "conv2d: an extent of 2147483650 is too large");
  CHECK(error_of([&] {
          avg_pool2d(zeros({1, 2, 2, 1}), {most, 1}, {.padding = {half, 0}});
        }) == "avg_pool2d: padding 1073741824x0, expected at most half of the window 2147483647x1");
  CHECK(error_of([&] {
          avg_pool2d(zeros({1, 2, 2, 1}), {most, 1}, {.padding = {half - 1, 0}});
        }) == "avg_pool2d: an extent of 2147483648 is too large");
  CHECK(error_of([&] {
          max_pool2d(zeros({1, int64_t{1} << 32, 1, 0}), 1);
        }) == "max_pool2d: an extent of 4294967296 is too large");
  CHECK(error_of([&] {
          max_pool2d(zeros({1, 1 << 16, 1 << 16, 0}), 1);
        }) == "max_pool2d: an extent of 4294967296 is too large");
  const int64_t beyond = int64_t{1} << 32;  // as an int: 0
  const auto too_large = [](const std::string& op) { return op + ": an extent of 4294967296 is too large"; };
  CHECK(error_of([&] { softmax(zeros({0, beyond})); }) == too_large("softmax"));
  CHECK(error_of([&] { log_softmax(zeros({0, beyond})); }) == too_large("log_softmax"));
  CHECK(error_of([&] { argmax(zeros({0, beyond})); }) == too_large("argmax"));
  CHECK(error_of([&] { max(zeros({0, beyond}).set_requires_grad(), {1}); }) == too_large("max"));
  CHECK(error_of([&] { cross_entropy(zeros({0, beyond}), zeros({0, beyond})); }) == too_large("cross_entropy"));
  CHECK(error_of([&] {
          Tensor mean = zeros({1}), var = zeros({1});
          batch_norm(zeros({0, beyond}), zeros({1}), zeros({1}), mean, var);
        }) == too_large("batch_norm"));
  for (const Shape& shape : {Shape{beyond, 0, 3}, Shape{0, beyond, 3}}) {
    CHECK(error_of([&] { lstm(zeros(shape), zeros({8, 3}), zeros({8, 2})); }) == too_large("lstm"));
  }
  CHECK(error_of([&] { grid_sample(zeros({beyond, 0, 1, 1}), zeros({beyond, 0, 1, 2})); }) == too_large("grid_sample"));
  CHECK(error_of([&] {
          grid_sample(zeros({0, 1 << 16, 1 << 16, 1}), zeros({0, 1, 1, 2}));
        }) == too_large("grid_sample"));
  CHECK(error_of([&] {
          cross_entropy(zeros({2, 3}), Tensor::of_ints({2}, {0, 3}));
        }) == "cross_entropy: label 3 of row 1, expected 0 to 2");
  CHECK(error_of([&] {
          cross_entropy(zeros({2, 3}), zeros({2, 4}));
        }) == "cross_entropy: targets f32 [2,4] for logits [2,3], expected i32 [2] or f32 [2,3]");
  CHECK(error_of([&] { concat({zeros({2, 3}), zeros({3, 3})}, 1); }) == "concat: [3,3] beside [2,3] along axis 1");
  CHECK(error_of([&] { permute(zeros({2, 3}), {0, 0}); }) == "permute: axis 0 of [2,3] stands twice");
  Tensor mean = zeros({3}), var = zeros({3});
  CHECK(error_of([&] {
          batch_norm(zeros({2, 4}), zeros({4}), zeros({4}), mean, var);
        }) == "batch_norm: x [2,4] has 4 channels, running_mean is [3]");
}
