// SPDX-License-Identifier: Apache-2.0
// Modules, optimisers, schedules, randomness, metrics; and a whole training run that has the same bits at any thread
// count.
#include <cstring>

#include "engine/layers.h"
#include "engine/metrics.h"
#include "engine/numeric.h"
#include "engine/optim.h"
#include "kernels/parallel.h"
#include "kernels/rung.h"

using namespace limbic;
using namespace limbic::testing;

namespace {

struct TinyNet : Module {
  Conv2d conv1{1, 8, 3, {.padding = 1}, false};
  BatchNorm bn1{8, {.relu = true}};
  Conv2d conv2{8, 16, 3, {.stride = 2}, false};
  BatchNorm bn2{16, {.relu = true}};
  Dropout drop{0.2f};
  Linear fc{16, 3};

  TinyNet() {
    add_child("conv1", conv1), add_child("bn1", bn1), add_child("conv2", conv2), add_child("bn2", bn2);
    add_child("drop", drop), add_child("fc", fc);
  }
  Tensor forward(const Tensor& x) override {              // [N,8,8,1]
    Tensor y = conv2d_batch_norm(x, conv1, bn1);          // [N,8,8,8]
    y = conv2d_batch_norm(max_pool2d(y, 2), conv2, bn2);  // [N,1,1,16]
    return fc(drop(global_avg_pool(y)));                  // [N,3]
  }
};

// The weights after `steps` of training on noise, as bytes.
std::vector<float> trained_weights(int steps) {
  set_random_step(11, 0);
  TinyNet net;
  Adam adam(net.parameters(), {.lr = 1e-2, .weight_decay = 1e-3, .amsgrad = true});
  for (int step = 0; step < steps; ++step) {
    set_random_step(11, static_cast<uint64_t>(step) + 1);
    const Tensor x = random_tensor({6, 8, 8, 1}, static_cast<uint64_t>(step));
    adam.zero_grad();
    backward(cross_entropy(net(x), Tensor::of_ints({6}, {0, 1, 2, 0, 1, 2})));
    clip_grad_norm(net.parameters(), 1);
    adam.step();
  }
  std::vector<float> all;
  for (const auto& t : net.state()) {
    const auto values = t.tensor->to_vector();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("fifty training steps have the same bits at 1, 2, 3 and 8 threads") {
  const int before = threads();
  set_threads(1);
  const auto expected = trained_weights(50);
  for (int count : {2, 3, 8}) {
    set_threads(count);
    const auto found = trained_weights(50);
    INFO("threads " << count);
    CHECK((found.size() == expected.size() && std::memcmp(found.data(), expected.data(), 4 * found.size()) == 0));
  }
  set_threads(before);
}

TEST_CASE("fifty training steps have the same bits on every instruction set that promises them") {
  if (!isa_supported(Isa::avx2) || !isa_supported(Isa::avx512)) {
    WARN("skipped: this CPU has no AVX-512 to compare AVX2 with");
    return;
  }
  const Isa before = active_isa();
  std::vector<float> weights[2];
  for (int i : {0, 1}) {
    select_isa(i ? "avx512" : "avx2");
    weights[i] = trained_weights(50);
  }
  select_isa(isa_name(before));
  CHECK(std::memcmp(weights[0].data(), weights[1].data(), 4 * weights[0].size()) == 0);
}

TEST_CASE("a forced kernel that declines is an error that names it") {
  const Isa before = active_isa();
  select_isa("reference");
  force_kernel("conv2d", "cpu_direct");
  const Tensor x = Tensor::zeros({1, 4, 4, 2}), w = Tensor::zeros({3, 3, 3, 2});
  CHECK(error_of([&] { conv2d(x, w); }) ==
        "conv2d: kernel cpu_direct does not serve N1 H4 W4 C2 K3 R3 S3 (fwd, cpu, reference)");
  force_kernel("conv2d", "");
  select_isa(isa_name(before));
}

TEST_CASE("a batch in eval mode gives the bits of its clips one by one") {
  set_random_step(1, 0);
  TinyNet net;
  net.eval();
  const NoGrad no_grad;
  const Tensor x = random_tensor({5, 8, 8, 1}, 1), together = net(x);
  for (int64_t i = 0; i < 5; ++i) CHECK(same_bits(net(slice(x, 0, i, i + 1)), slice(together, 0, i, i + 1)));
}

TEST_CASE("modules name their tensors as PyTorch's state_dict does") {
  TinyNet net;
  std::vector<std::string> names;
  for (const auto& t : net.state()) names.push_back(t.name);
  CHECK(names == std::vector<std::string>{"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean",
                                          "bn1.running_var", "bn1.num_batches_tracked", "conv2.weight", "bn2.weight",
                                          "bn2.bias", "bn2.running_mean", "bn2.running_var", "bn2.num_batches_tracked",
                                          "fc.weight", "fc.bias"});
  CHECK(net.parameter_count() == 8 * 9 + 16 + 16 * 72 + 32 + 51);
  CHECK(net.parameters()[0].layout == Layout::channels_last);
  Sequential s;
  s.add<Linear>(2, 4);
  s.add<Relu>();
  s.add<Linear>(4, 1);
  CHECK(s.parameters().back().name == "2.bias");
  CHECK(s(Tensor::zeros({3, 2})).shape() == Shape{3, 1});
}

TEST_CASE("eval mode turns dropout off and leaves running statistics alone") {
  TinyNet net;
  net.eval();
  CHECK(!net.drop.training());
  const Tensor x = random_tensor({4, 8, 8, 1}, 2), before = net.bn1.running_mean.clone();
  CHECK(same_bits(net(x), net(x)));
  CHECK(same_bits(net.bn1.running_mean, before));
  net.train();
  net(x);
  CHECK(!same_bits(net.bn1.running_mean, before));
  CHECK(net.bn1.num_batches_tracked.item() == 1);
}

TEST_CASE("a frozen parameter gets no gradient and is not stepped") {
  TinyNet net;
  net.fc.weight.set_requires_grad(false);
  const Tensor before = net.fc.weight.clone();
  Sgd sgd(net.parameters(), {.lr = 1});
  backward(sum(net(random_tensor({4, 8, 8, 1}, 3))));
  sgd.step();
  CHECK(!net.fc.weight.grad());
  CHECK(same_bits(net.fc.weight, before));
  CHECK(net.conv1.weight.grad());
}

// One parameter of value 1 with a gradient of 0.5 in the first and -1.5 in the second step.
template <class Make>
std::vector<double> two_steps(const Make& make) {
  Tensor w = Tensor::full({1}, 1);
  w.set_requires_grad();
  auto optimizer = make(std::vector<NamedTensor>{{"w", &w}});
  std::vector<double> values;
  for (float g : {0.5f, -1.5f}) {
    w.set_grad(Tensor::full({1}, g));
    optimizer->step();
    values.push_back(w.data()[0]);
  }
  return values;
}

TEST_CASE("optimisers make the steps of their formulas") {
  using Parameters = std::vector<NamedTensor>;
  const auto sgd = two_steps([](Parameters p) { return std::make_unique<Sgd>(p, SgdOptions{.lr = 0.1}); });
  CHECK(sgd[0] == Approx(0.95));
  CHECK(sgd[1] == Approx(1.10));
  const auto momentum = two_steps([](Parameters p) {
    return std::make_unique<Sgd>(p, SgdOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  });
  CHECK(momentum[0] == Approx(1 - 0.1 * 0.6));                                // v = 0.5 + 0.1
  CHECK(momentum[1] == Approx(0.94 - 0.1 * (0.9 * 0.6 - 1.5 + 0.1 * 0.94)));  // v = 0.9 v + g + wd w

  const double m1 = 0.1 * 0.5, v1 = 0.001 * 0.25, m2 = 0.9 * m1 - 0.1 * 1.5, v2 = 0.999 * v1 + 0.001 * 2.25;
  const double c1 = 1 - 0.9 * 0.9, c2 = 1 - 0.999 * 0.999;
  const auto adam = two_steps([](Parameters p) { return std::make_unique<Adam>(p, AdamOptions{.lr = 0.1}); });
  CHECK(adam[0] == Approx(0.9));
  CHECK(adam[1] == Approx(0.9 - 0.1 / c1 * m2 / (std::sqrt(v2) / std::sqrt(c2) + 1e-8)));
  const auto adamw = two_steps([](Parameters p) {
    return std::make_unique<Adam>(p, AdamOptions{.lr = 0.1, .weight_decay = 0.5, .decoupled = true});
  });
  CHECK(adamw[0] == Approx(1 - 0.1 * 0.5 - 0.1));
}

TEST_CASE("AMSGrad keeps the largest uncorrected v") {
  Tensor w = Tensor::full({1}, 1);
  w.set_requires_grad();
  Adam adam({{"w", &w}}, {.lr = 0.1, .beta2 = 0.5, .amsgrad = true});
  double m = 0, v = 0, vmax = 0, expected = 1;
  for (int t = 1; t <= 4; ++t) {
    const double g = t == 1 ? 4 : 0.25;
    w.set_grad(Tensor::full({1}, static_cast<float>(g)));
    adam.step();
    m = 0.9 * m + 0.1 * g, v = 0.5 * v + 0.5 * g * g, vmax = std::max(vmax, v);
    expected -= 0.1 / (1 - std::pow(0.9, t)) * m / (std::sqrt(vmax) / std::sqrt(1 - std::pow(0.5, t)) + 1e-8);
    CHECK(w.item() == Approx(expected));
  }
  std::vector<std::string> names;
  for (const auto& t : adam.state()) names.push_back(t.name);
  CHECK(names == std::vector<std::string>{"step", "w.exp_avg", "w.exp_avg_sq", "w.max_exp_avg_sq"});
  CHECK(adam.state()[0].tensor->item() == 4);
}

TEST_CASE("clipping scales all gradients by one factor") {
  Tensor a = Tensor::zeros({1}), b = Tensor::zeros({1});
  a.set_requires_grad(), b.set_requires_grad();
  a.set_grad(Tensor::full({1}, 3)), b.set_grad(Tensor::full({1}, 4));
  const std::vector<NamedTensor> both{{"a", &a}, {"b", &b}};
  CHECK(clip_grad_norm(both, 1) == Approx(5));
  CHECK(a.grad().item() == Approx(0.6));
  CHECK(grad_norm(both) == Approx(1));
  CHECK(clip_grad_norm(both, 2) == Approx(1));
  CHECK(b.grad().item() == Approx(0.8));
}

TEST_CASE("schedules start, bend and end where they say") {
  const Schedule cosine{.kind = Schedule::Kind::cosine, .base = 1, .total = 110, .warmup = 10, .floor = 0.2};
  CHECK(cosine.at(0) == Approx(0.1));
  CHECK(cosine.at(9) == 1);
  CHECK(cosine.at(10) == 1);
  CHECK(cosine.at(60) == Approx(0.6));
  CHECK(cosine.at(110) == Approx(0.2));
  CHECK(cosine.at(1000) == Approx(0.2));
  const Schedule step{.kind = Schedule::Kind::step, .base = 1, .every = 10, .factor = 0.5};
  CHECK(step.at(9) == 1);
  CHECK(step.at(10) == 0.5);
  CHECK(step.at(25) == 0.25);
  CHECK(Schedule{.base = 0.3}.at(12345) == 0.3);
  CHECK(error_of([] { schedule_kind("cosin"); }) == "schedule: 'cosin', expected constant, step or cosine");
}

TEST_CASE("random numbers have the moments of their distribution") {
  set_random_step(5, 0);
  Tensor w = Tensor::empty({100, 300});
  const auto moments = [&w] {
    double sum = 0, squares = 0;
    for (float v : w.to_vector()) sum += v, squares += double{v} * v;
    const double n = static_cast<double>(w.size());
    return std::pair{sum / n, std::sqrt(squares / n)};
  };
  normal(w, 0, 2);
  CHECK(moments().first == Approx(0).margin(0.04));
  CHECK(moments().second == Approx(2).epsilon(0.02));
  he_normal(w);
  CHECK(moments().second == Approx(std::sqrt(2.0 / 300)).epsilon(0.02));
  CHECK(max(abs(w)).item() <= 2.001 * std::sqrt(2.0 / 300) / 0.8796);
  xavier_uniform(w);
  CHECK(max(abs(w)).item() <= std::sqrt(6.0 / 400));
  CHECK(moments().second == Approx(std::sqrt(2.0 / 400)).epsilon(0.02));
  kaiming_uniform(w);
  CHECK(moments().second == Approx(std::sqrt(2.0 / 300)).epsilon(0.02));
  const Tensor kept = w.clone();
  {
    const NoInitialisation numbers_come_later;
    uniform(w, 0, 1);
  }
  CHECK(same_bits(w, kept));
  Random random(1, 2), again(1, 2);
  std::vector<int> cards{0, 1, 2, 3, 4, 5, 6, 7}, same = cards;
  random.shuffle(cards), again.shuffle(same);
  CHECK(cards == same);
  std::sort(cards.begin(), cards.end());
  CHECK(cards == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("metrics say what a hand count says") {
  const Tensor scores = Tensor::from({4, 3}, {3, 2, 1, 1, 2, 3, 1, 3, 2, 2, 2, 1});
  const std::vector<int32_t> labels{0, 1, 1, 1};
  CHECK(accuracy(scores, labels) == 0.5);  // the tie of the last row goes to the first
  CHECK(top_k_accuracy(scores, labels, 2) == 1);
  Confusion confusion(3);
  for (size_t i = 0; i < 4; ++i) confusion.add(labels[i], argmax(scores)[i]);
  CHECK(confusion.at(1, 2) == 1);
  CHECK(confusion.accuracy() == 0.5);
  CHECK(confusion.unweighted_recall() == Approx((1 + 1.0 / 3) / 2));
  CHECK(interval_half_width(0.5, 100) == Approx(0.098));
  CHECK(error_of([&] { accuracy(scores, {0, 1}); }) == "top_k_accuracy: scores [4,3] for 2 labels, expected [2,C]");
}

namespace {
std::vector<std::string> lines;
}

TEST_CASE("a trace names op, pass, rung and dims of every launch") {
  const Tensor x = random_tensor({1, 4, 4, 2}, 1), w = random_tensor({3, 3, 3, 2}, 2);
  force_kernel("conv2d", "v0_reference");
  set_trace([](const TraceLine& line) {
    lines.push_back(std::string(line.pass.op) + " " + line.pass.pass + " " + line.rung + " " + line.dims);
    CHECK(line.ms >= 0);
  });
  conv2d(x, w, {}, {.stride = {2, 1}, .padding = 1});
  set_trace(nullptr);
  force_kernel("conv2d", "");
  CHECK(lines == std::vector<std::string>{"conv2d fwd v0_reference N1 H4 W4 C2 K3 R3 S3 stride2x1 padding1"});
}
