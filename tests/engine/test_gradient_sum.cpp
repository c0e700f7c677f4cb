// SPDX-License-Identifier: Apache-2.0
// Gradients summed over micro-batches: those of the whole batch to rounding, and the same bits in any order of
// execution.
#include <algorithm>
#include <numeric>

#include "engine/gradient_sum.h"
#include "engine/layers.h"
#include "engine/numeric.h"
#include "kernels/parallel.h"

using namespace limbic;
using namespace limbic::testing;

namespace {

constexpr int64_t batch = 13;

struct Net : Module {  // no batch norm: its statistics are those of a micro-batch
  Conv2d conv1{1, 32, 3, {.padding = 1}};
  Conv2d conv2{32, 32, 3, {.padding = 1}};  // Winograd's
  Linear fc{32, 3};

  Net() { add_child("conv1", conv1), add_child("conv2", conv2), add_child("fc", fc); }
  Tensor forward(const Tensor& x) override {       // [N,8,8,1]
    const Tensor y = relu(conv2(relu(conv1(x))));  // [N,8,8,32]
    return fc(global_avg_pool(max_pool2d(y, 2)));  // [N,3]
  }
};

std::vector<int32_t> labels(int64_t begin, int64_t end) {
  std::vector<int32_t> list;
  for (int64_t i = begin; i < end; ++i) list.push_back(static_cast<int32_t>(i % 3));
  return list;
}

std::vector<int64_t> rising(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Gradients of the mean loss over the batch, from micro-batches of `size` clips, computed in this order.
std::vector<Tensor> gradients(int64_t size, const std::vector<int64_t>& order) {
  set_random_step(3, 0);
  Net net;
  const Tensor x = random_tensor({batch, 8, 8, 1}, 5);
  GradientSum sum(net.parameters(), static_cast<int64_t>(order.size()));
  for (const int64_t i : order) {
    const int64_t begin = i * size, end = std::min(batch, begin + size);
    const Tensor loss = cross_entropy(net(slice(x, 0, begin, end)), Tensor::of_ints({end - begin}, labels(begin, end)));
    backward(loss * (static_cast<float>(end - begin) / batch));
    sum.take(i);
  }
  sum.give();
  std::vector<Tensor> all;
  for (const auto& p : net.parameters()) all.push_back(p.tensor->grad());
  return all;
}

}  // namespace

TEST_CASE("the gradients of micro-batches add up to those of the batch") {
  const auto whole = gradients(batch, {0});
  const double rounding = 4 * std::sqrt(batch * 64.0) * 0x1p-24;  // of sums over all pixels
  for (const int64_t size : {1, 2, 3, 4, 6, 12}) {
    const auto summed = gradients(size, rising((batch + size - 1) / size));
    for (size_t p = 0; p < whole.size(); ++p) {
      double largest = 0, worst = 0;
      for (int64_t i = 0; i < whole[p].size(); ++i) {
        largest = std::max(largest, std::fabs(double{whole[p].data()[i]}));
        worst = std::max(worst, std::fabs(double{whole[p].data()[i]} - double{summed[p].data()[i]}));
      }
      INFO("micro-batches of " << size << ", parameter " << p);
      CHECK(largest > 1e-4);
      CHECK(worst <= rounding * largest);
    }
  }
}

TEST_CASE("a sum of gradients has the same bits in whichever order, and on however many threads, they were computed") {
  const int before = threads();
  for (const int64_t size : {1, 2, 3, 5}) {
    auto order = rising((batch + size - 1) / size);
    const auto expected = gradients(size, order);
    for (uint64_t round = 0; round < 4; ++round) {
      if (round == 0)
        std::reverse(order.begin(), order.end());
      else
        Random(9, round).shuffle(order);
      set_threads(static_cast<int>(round) + 1);
      const auto found = gradients(size, order);
      INFO("micro-batches of " << size << ", order " << round);
      for (size_t p = 0; p < expected.size(); ++p) CHECK(same_bits(found[p], expected[p]));
    }
  }
  set_threads(before);
}

TEST_CASE("a sum of gradients adds neighbours first; a parameter without a gradient adds nothing") {
  Tensor w = Tensor::scalar(0), unused = Tensor::scalar(0);
  w.set_requires_grad(), unused.set_requires_grad();
  GradientSum sum({{"w", &w}, {"unused", &unused}}, 5);
  const float small = 0x1p-24f;                              // half an ulp of 1: lost where it joins a 1 alone
  const std::vector<float> parts = {1, 0, small, small, 0};  // ((1 + 0) + (small + small)) + 0
  for (const int64_t i : {3, 0, 4, 2, 1}) {
    w.set_grad(Tensor::scalar(parts[static_cast<size_t>(i)]));
    sum.take(i);
    CHECK_FALSE(w.grad());
  }
  sum.give();
  CHECK(w.grad().item() == 1 + 2 * small);
  CHECK_FALSE(unused.grad());
}

TEST_CASE("a sum of gradients wants every micro-batch once") {
  Tensor w = Tensor::scalar(0);
  w.set_requires_grad();
  GradientSum sum({{"w", &w}}, 3);
  sum.take(2);
  CHECK(error_of([&] { sum.take(2); }) == "GradientSum: micro-batch 2 was taken before");
  CHECK(error_of([&] { sum.take(3); }) == "GradientSum: micro-batch 3, expected 0 to 2");
  sum.take(0);
  CHECK(error_of([&] { sum.give(); }) == "GradientSum: micro-batch 1 was not taken");
  CHECK(error_of([&] { GradientSum({{"w", &w}}, 0); }) == "GradientSum: 0 micro-batches, expected at least 1");
}
