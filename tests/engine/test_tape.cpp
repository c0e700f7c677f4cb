// SPDX-License-Identifier: Apache-2.0
#include "engine/tape.h"

#include <memory>

#include "engine/layers.h"
#include "engine/numeric.h"
#include "kernels/memory.h"

using namespace limbic;
using namespace limbic::testing;

TEST_CASE("a diamond adds up the gradients of its two sides") {
  Tensor x = Tensor::from({2}, {3, -2});
  x.set_requires_grad();
  const Tensor a = x * 2.0f, b = square(x);
  backward(sum(a * b));  // 2 x^3
  CHECK(x.grad().to_vector() == std::vector<float>{54, 24});
}

TEST_CASE("a tensor used twice by one op gets both gradients") {
  Tensor x = Tensor::scalar(3);
  x.set_requires_grad();
  backward(x * x);
  CHECK(x.grad().item() == 6);
}

TEST_CASE("gradients accumulate over backward passes until they are forgotten") {
  Tensor x = Tensor::scalar(3);
  x.set_requires_grad();
  for (int i = 1; i <= 3; ++i) {
    backward(x * 5.0f);
    CHECK(x.grad().item() == 5.0f * static_cast<float>(i));
  }
  x.zero_grad();
  CHECK(!x.grad());
}

TEST_CASE("a gradient that two tensors share is not overwritten for one of them") {
  Tensor a = Tensor::full({3}, 1), b = Tensor::full({3}, 2);
  a.set_requires_grad(), b.set_requires_grad();
  backward(sum(a + b) + sum(a * 10.0f));  // the sum's gradient goes to both, then a gets more
  CHECK(a.grad().to_vector() == std::vector<float>(3, 11));
  CHECK(b.grad().to_vector() == std::vector<float>(3, 1));
  const Tensor kept = b.grad();
  backward(sum(b));
  CHECK(kept.to_vector() == std::vector<float>(3, 1));
  CHECK(b.grad().to_vector() == std::vector<float>(3, 2));
}

TEST_CASE("what wants no gradient is not recorded") {
  Tensor x = Tensor::scalar(1), w = Tensor::scalar(2);
  CHECK(!(x * w).requires_grad());
  w.set_requires_grad();
  CHECK((x * w).requires_grad());
  CHECK(!(x * w.detach()).requires_grad());
  {
    const NoGrad no_grad;
    CHECK(!grad_enabled());
    CHECK(!(x * w).requires_grad());
  }
  CHECK(grad_enabled());
  w.set_requires_grad(false);
  CHECK(!(x * w).requires_grad());
}

TEST_CASE("closures run once, in reverse order, and only for inputs that want a gradient") {
  Tensor x = Tensor::scalar(1);
  x.set_requires_grad();
  std::string ran;
  const auto step = [&ran](const char* name, const Tensor& in) {
    return record(name, in.clone(), {in}, [&ran, name, gx = GradOf(in)](const Tensor& dy) {
      ran += name;
      gx.add(dy);
    });
  };
  backward(step("c", step("b", step("a", x))));
  CHECK(ran == "cba");
}

TEST_CASE("backward frees the tape as it goes") {
  Tensor x = Tensor::full({1000}, 1);
  x.set_requires_grad();
  auto held = std::make_shared<int>(0);
  Tensor y = record("hold", x.clone(), {x}, [held, gx = GradOf(x)](const Tensor& dy) { gx.add(dy); });
  const Tensor loss = sum(y);
  CHECK(held.use_count() == 2);
  bool freed_before_leaf = false;
  backward(loss, [&](int step, const Tensor&) { freed_before_leaf = step == 0 && held.use_count() == 1; });
  CHECK(freed_before_leaf);
  CHECK(error_of([&] { backward(loss); }).find("walked before") != std::string::npos);
}

TEST_CASE("a training step leaves no memory behind") {
  Tensor w = random_tensor({64, 64}, 1);
  w.set_requires_grad();
  const Tensor x = random_tensor({16, 64}, 2);
  const auto step = [&] {
    w.zero_grad();
    backward(mean(square(relu(linear(relu(linear(x, w)), w)))));
  };
  step();
  const int64_t after_one = memory_use().live;
  for (int i = 0; i < 5; ++i) step();
  CHECK(memory_use().live == after_one);
}

TEST_CASE("a long chain is walked and dropped without recursion") {
  Tensor x = Tensor::scalar(0);
  x.set_requires_grad();
  const auto chain = [&x] {
    Tensor y = x;
    for (int i = 0; i < 100000; ++i)
      y = record("id", y.detach(), {y}, [gy = GradOf(y)](const Tensor& dy) { gy.add(dy); });
    return y;
  };
  backward(chain());
  CHECK(x.grad().item() == 1);
  chain();  // dropped
}

TEST_CASE("backward says what it cannot do") {
  Tensor x = Tensor::zeros({2, 3});
  CHECK(error_of([&] { backward(x); }) == "backward: loss [2,3] is not a scalar");
  CHECK(error_of([&] { backward(sum(x)); }) == "backward: loss depends on nothing that wants a gradient");
  x.set_requires_grad();
  Tensor y = x * 2.0f;
  CHECK(error_of([&] { y.set_requires_grad(); }) == "set_requires_grad: [2,3] was made by mul and is no leaf");
}

TEST_CASE("tape_of lists the steps, inputs first, and watch numbers them alike") {
  Tensor x = Tensor::full({4}, 2);
  x.set_requires_grad();
  const Tensor loss = sum(square(x));
  const auto steps = tape_of(loss);
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].op == "leaf");
  CHECK(steps[0].id == x.id());
  CHECK(steps[1].op == "square");
  CHECK(steps[1].inputs == std::vector<int>{0});
  CHECK(steps[2].op == "sum");
  CHECK(steps[2].shape == Shape{});
  std::vector<int64_t> sizes(3);
  backward(loss, [&](int step, const Tensor& dy) { sizes[static_cast<size_t>(step)] = dy.size(); });
  CHECK(sizes == std::vector<int64_t>{4, 4, 1});
}

TEST_CASE("hooks see outputs on the way forward and gradients on the way back") {
  Linear layer(3, 2);
  layer.weight.copy_from(Tensor::full({2, 3}, 1));
  std::vector<float> seen_y, seen_dy;
  layer.on_forward([&](Module&, const Tensor& x, const Tensor& y) {
    CHECK(x.shape() == Shape{1, 3});
    seen_y = y.to_vector();
  });
  layer.on_backward([&](Module& module, const Tensor& dy) {
    CHECK(&module == &layer);
    seen_dy = dy.to_vector();
  });
  const Tensor y = layer(Tensor::full({1, 3}, 1));
  CHECK(seen_y == y.to_vector());
  backward(sum(y * 3.0f));
  CHECK(seen_dy == std::vector<float>{3, 3});
  CHECK(layer.weight.grad().to_vector() == std::vector<float>(6, 3));
  layer.clear_hooks();
  CHECK(!layer.hooked());
}
