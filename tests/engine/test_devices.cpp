// SPDX-License-Identifier: Apache-2.0
// The same engine code on the CPU and with CUDA kernels: the same losses.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/layers.h"
#include "engine/ops.h"
#include "engine/optim.h"
#include "engine/random.h"
#include "engine/recurrent.h"
#include "kernels/gpu_runtime.h"

using namespace limbic;

namespace {

struct OnDevice {
  explicit OnDevice(Device device) { set_compute_device(device); }
  ~OnDevice() { set_compute_device(Device::cpu); }
};

/// Convolutions, batch norm, both poolings, a spatial transformer, LSTM over sequences of any length, dropout.
struct EveryKind : Module {
  Conv2d conv{1, 4, 3, {.padding = 1}, false};
  BatchNorm bn{4, {.relu = true}};
  Linear theta{4, 6}, fc{5, 3};
  Tensor w_ih = Tensor::empty({20, 4}), w_hh = Tensor::empty({20, 5});
  Dropout drop{0.2f};

  EveryKind() {
    add_child("conv", conv), add_child("bn", bn), add_child("theta", theta), add_child("fc", fc);
    add_child("drop", drop);
    uniform(w_ih, -0.5f, 0.5f), uniform(w_hh, -0.5f, 0.5f);
    add_parameter("w_ih", w_ih), add_parameter("w_hh", w_hh);
  }
  Tensor forward(const Tensor& x) override {                                                     // [2,8,8,1]
    Tensor y = bn(conv(x));                                                                      // [2,8,8,4]
    const Tensor where = reshape(tanh(theta(global_avg_pool(y))), {2, 2, 3});                    // [2,2,3]
    y = grid_sample(y, affine_grid(where, {6, 4}));                                              // [2,6,4,4]
    y = avg_pool2d(max_pool2d(y, {1, 2}), {1, 2});                                               // [2,6,1,4]
    y = lstm(reshape(y, {2, 6, 4}), w_ih, w_hh, {}, {.lengths = Tensor::of_ints({2}, {6, 3})});  // [2,6,5]
    const Tensor weights = masked_softmax(mean(y, {2}), Tensor::of_ints({2}, {6, 3}));           // [2,6]
    return fc(drop(sum(y * reshape(weights, {2, 6, 1}), {1})));                                  // [2,3]
  }
};

std::vector<float> losses(int steps) {
  set_random_step(5, 0);
  EveryKind net;
  Adam adam(net.parameters(), {.lr = 1e-2});
  std::vector<float> all;
  for (int step = 0; step < steps; ++step) {
    set_random_step(5, static_cast<uint64_t>(step) + 1);
    Tensor x = Tensor::empty({2, 8, 8, 1});
    normal(x, 0, 1);
    adam.zero_grad();
    const Tensor loss = cross_entropy(net(x), Tensor::of_ints({2}, {0, 2}));
    all.push_back(loss.item());
    backward(loss);
    clip_grad_norm(net.parameters(), 1);
    adam.step();
  }
  return all;
}

/// run(by_parts) -> numbers: the same bits both ways on the CPU; on each device, where only the whole launches `op`
/// (forward and backward), the same numbers within `tolerance` of what is larger, 1 or they.
void check_fused(const char* op, float tolerance, const auto& run, int launches = 2) {
  const std::vector<float> on_cpu = run(true);
  CHECK(run(false) == on_cpu);
  for (const Device device : {Device::emu, Device::cuda}) {
    const GpuRuntime* const gpu = gpu_runtime(device);
    if (!gpu || gpu->what_is_missing()) continue;
    const OnDevice scope(device);
    static int fused = 0;
    static std::string wanted;
    wanted = op;
    set_trace([](const TraceLine& line) { fused += line.pass.op == wanted; });
    const std::vector<float> whole = run(false), parts = run(true);
    set_trace(nullptr);
    CHECK(std::exchange(fused, 0) == launches);
    for (size_t i = 0; i < on_cpu.size(); ++i) {
      INFO(device_name(device) << ", number " << i);
      CHECK(std::fabs(whole[i] - parts[i]) <= tolerance * std::max(1.0f, std::fabs(parts[i])));
      CHECK(std::fabs(whole[i] - on_cpu[i]) <= tolerance * std::max(1.0f, std::fabs(on_cpu[i])));
    }
  }
}

}  // namespace

TEST_CASE("devices: a net of every kind of layer trains with the CPU's losses") {
  const auto on_cpu = losses(4);
  for (const Device device : {Device::emu, Device::cuda}) {
    const GpuRuntime* const gpu = gpu_runtime(device);
    if (!gpu || gpu->what_is_missing()) continue;
    const OnDevice scope(device);
    const auto on_gpu = losses(4);
    for (size_t i = 0; i < on_cpu.size(); ++i) {
      INFO(device_name(device) << ", loss " << i << ": " << on_gpu[i] << " and " << on_cpu[i]);
      CHECK(std::fabs(on_gpu[i] - on_cpu[i]) <= 1e-4f);
    }
  }
}

TEST_CASE("devices: attention in one kernel gives what its parts give, with dropout, and the CPU's gradients") {
  for (const int layers : {1, 2}) {
    set_random_step(3, 0);
    SelfAttention layer(6, layers, 0.3f);
    layer.lengths = Tensor::of_ints({3}, {7, 1, 4});
    const auto run = [&](bool by_parts) {  // y, dh, and the parameters' gradients
      set_random_step(3, 1);
      layer.clear_hooks();
      if (by_parts) layer.softmax.on_forward([](Module&, const Tensor&, const Tensor&) {});
      Tensor h = Tensor::empty({3, 7, 6});
      uniform(h, -2, 2);
      h.set_requires_grad();
      layer.zero_grad();
      const Tensor y = layer(h);
      backward(sum(y * y));
      std::vector<float> all = y.to_vector();
      const auto append = [&all](const Tensor& t) {
        const auto numbers = t.to_vector();
        all.insert(all.end(), numbers.begin(), numbers.end());
      };
      append(h.grad());
      for (const NamedTensor& p : layer.parameters()) append(p.tensor->grad());
      return all;
    };
    INFO(layers << " layers");
    check_fused("attention", 1e-6f, run);
  }
}

TEST_CASE(
    "devices: an LSTM in one launch, asked for by name, gives what its parts give; sequences of lengths it refuses") {
  for (const Device device : {Device::emu, Device::cuda}) {
    const GpuRuntime* const gpu = gpu_runtime(device);
    if (!gpu || gpu->what_is_missing()) continue;
    const OnDevice scope(device);
    const auto run = [](bool with_bias, const char* kernel) {  // y, and the gradients of x and of the weights
      set_random_step(3, 1);
      std::vector<Tensor> in{Tensor::empty({2, 5, 3}), Tensor::empty({16, 3}), Tensor::empty({16, 4})};
      if (with_bias) in.push_back(Tensor::empty({16}));
      for (Tensor& t : in) uniform(t, -1, 1), t.set_requires_grad();
      force_kernel("lstm", kernel);
      const Tensor y = lstm(in[0], in[1], in[2], with_bias ? in[3] : Tensor());
      backward(sum(y * y));
      force_kernel("lstm", "");
      std::vector<float> all = y.to_vector();
      for (const Tensor& t : in) {
        const auto numbers = t.grad().to_vector();
        all.insert(all.end(), numbers.begin(), numbers.end());
      }
      return all;
    };
    for (const bool with_bias : {false, true}) {
      const auto parts = run(with_bias, "");
      static int launches = 0;
      set_trace([](const TraceLine& line) { launches += same_name(line.rung, "v1_ops"); });
      const auto whole = run(with_bias, "v1_ops");
      set_trace(nullptr);
      CHECK(std::exchange(launches, 0) == 2);
      REQUIRE(whole.size() == parts.size());
      for (size_t i = 0; i < parts.size(); ++i) CHECK(std::fabs(whole[i] - parts[i]) <= 1e-5f);
    }
    force_kernel("lstm", "v1_ops");
    CHECK_THROWS_WITH(lstm(Tensor::zeros({2, 5, 3}), Tensor::zeros({16, 3}), Tensor::zeros({16, 4}), {},
                           {.lengths = Tensor::of_ints({2}, {5, 3})}),
                      "lstm: kernel v1_ops takes no lengths: all sequences are of T steps");
    force_kernel("lstm", "");
  }
}

TEST_CASE(
    "devices: batch norm with the average behind it, in one op, gives what the two give, and the CPU's gradients") {
  for (const bool training : {true, false}) {
    set_random_step(4, 0);
    Conv2d conv(2, 5, 3, {.padding = 1}, false);
    BatchNorm bn(5, {.relu = true});
    uniform(bn.weight, 0.5f, 1.5f), uniform(bn.bias, -0.5f, 0.5f);
    bn.train(training);
    const std::vector<float> mean = bn.running_mean.to_vector(), var = bn.running_var.to_vector();
    const auto run = [&](bool by_parts) {  // y, the running statistics, dx and the parameters' gradients
      set_random_step(4, 1);
      bn.clear_hooks();
      if (by_parts) bn.on_forward([](Module&, const Tensor&, const Tensor&) {});
      bn.running_mean.copy_from(Tensor::from({5}, mean)), bn.running_var.copy_from(Tensor::from({5}, var));
      Tensor x = Tensor::empty({2, 7, 8, 2});
      normal(x, 0, 1);
      x.set_requires_grad();
      conv.zero_grad(), bn.zero_grad();
      const Tensor y = conv2d_batch_norm_avg_pool2d(x, conv, bn);  // [2,3,4,5]
      backward(sum(y * y));
      std::vector<float> all;
      for (const Tensor& t :
           {y, bn.running_mean, bn.running_var, x.grad(), conv.weight.grad(), bn.weight.grad(), bn.bias.grad()}) {
        const auto numbers = t.to_vector();
        all.insert(all.end(), numbers.begin(), numbers.end());
      }
      return all;
    };
    INFO((training ? "training" : "evaluation"));
    check_fused("batch_norm_pool", 5e-6f, run);
  }
}

TEST_CASE(
    "devices: convolutions around a batch norm, normalised as they read and measured as they write, give what the "
    "parts give, and the CPU's gradients") {
  set_random_step(4, 0);
  Conv2d conv1(2, 8, 3, {.padding = 1}, false), conv2(8, 5, 3, {.padding = 1}, false);
  BatchNorm bn1(8, {.relu = true}), bn2(5, {.relu = true});
  for (BatchNorm* bn : {&bn1, &bn2}) uniform(bn->weight, 0.5f, 1.5f), uniform(bn->bias, -0.5f, 0.5f);
  const auto run = [&](bool by_parts) {  // y, the running statistics, dx and the parameters' gradients
    set_random_step(4, 1);
    for (BatchNorm* bn : {&bn1, &bn2})
      bn->running_mean.copy_from(Tensor::zeros(bn->running_mean.shape())), bn->running_var.copy_from(bn->running_mean);
    Tensor x = Tensor::empty({2, 7, 4, 2});
    normal(x, 0, 1);
    x.set_requires_grad();
    for (Module* m : std::initializer_list<Module*>{&conv1, &conv2, &bn1, &bn2}) m->zero_grad();
    const Tensor y =
        by_parts ? avg_pool2d(bn2(conv2(bn1(conv1(x)))), 2)
                 : bn2.forward_pooled(bn1.forward_convolved(conv2d_measured(x, conv1.weight, conv1.options), conv2));
    backward(sum(y * y));
    std::vector<float> all;
    for (const Tensor& t :
         {y, bn1.running_mean, bn1.running_var, bn2.running_mean, bn2.running_var, x.grad(), conv1.weight.grad(),
          conv2.weight.grad(), bn1.weight.grad(), bn1.bias.grad(), bn2.weight.grad(), bn2.bias.grad()}) {
      const auto numbers = t.to_vector();
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
    return all;
  };
  check_fused("batch_norm_conv2d", 1e-5f, run, 4);  // both forward, one dx and one dw
}

TEST_CASE(
    "devices: what a convolution normalises as it reads has the bits of batch norm and convolution apart, but for the "
    "order of the backward's two sums") {
  for (const Device device : {Device::emu, Device::cuda}) {
    const GpuRuntime* const gpu = gpu_runtime(device);
    if (!gpu || gpu->what_is_missing()) continue;
    for (const DType maps : {DType::f32, DType::bf16}) {
      const OnDevice scope(device);
      set_map_storage(maps);
      set_random_step(4, 0);
      Conv2d conv(8, 5, 3, {.padding = 1}, false);
      BatchNorm bn(8, {.relu = true});
      Tensor x = Tensor::empty({3, 5, 4, 8}), mean = Tensor::empty({8}), var = Tensor::empty({8});
      normal(x, 0, 1), uniform(mean, -1, 1), uniform(var, 0.5f, 2), uniform(bn.bias, -1, 1);
      x.set_requires_grad();
      const auto numbers = [&](bool fused, bool training) {  // y, dw, dx, dweight, dbias
        for (Module* m : std::initializer_list<Module*>{&conv, &bn}) m->zero_grad(), m->train(training);
        x.zero_grad();
        const MeasuredMap measured{cast(x, maps), mean, var};
        const Tensor y = fused ? bn.forward_convolved(measured, conv).map : conv(bn.forward_measured(measured));
        backward(sum(y * y));
        std::vector<std::vector<float>> all;
        for (const Tensor& t : {y, conv.weight.grad(), x.grad(), bn.weight.grad(), bn.bias.grad()})
          all.push_back(t.to_vector());
        return all;
      };
      for (const bool training : {false, true}) {
        INFO(device_name(device) << (training ? ", training" : ", evaluation"));
        const auto fused = numbers(true, training), apart = numbers(false, training);
        const size_t same = training ? 2 : 3;  // dx has the sums in it
        for (size_t t = 0; t < same; ++t) CHECK(fused[t] == apart[t]);
        for (size_t t = same; t < apart.size(); ++t) {
          const float unit = t == 2 && maps == DType::bf16 ? 0x1p-8f : 1e-6f;
          float largest = 0;
          for (const float v : apart[t]) largest = std::max(largest, std::fabs(v));
          for (size_t i = 0; i < apart[t].size(); ++i) CHECK(std::fabs(fused[t][i] - apart[t][i]) <= unit * largest);
        }
      }
    }
  }
}

TEST_CASE("devices: numbers written on one side are read on the other") {
  const OnDevice scope(Device::emu);
  Tensor x = Tensor::from({3}, {1, 2, 3});
  const Tensor y = x + x;
  CHECK(y.to_vector() == std::vector<float>{2, 4, 6});
  x.data()[1] = 10;
  CHECK((x + y).to_vector() == std::vector<float>{3, 14, 9});
  const Tensor z = y.clone();
  set_compute_device(Device::cpu);
  CHECK((z + y).to_vector() == std::vector<float>{4, 8, 12});
}

TEST_CASE("devices: one that is not there is refused") {
  if (const GpuRuntime* const cuda = gpu_runtime(Device::cuda); cuda && cuda->compute_capability()) return;
  try {
    set_compute_device(Device::cuda);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::device);
    CHECK(std::string(error.what()).starts_with("device cuda: "));
  }
  CHECK(compute_device() == Device::cpu);
}

TEST_CASE("cast: rounds to bf16 and back, and hands gradients on in the type of what was cast") {
  for (const Device device : {Device::cpu, Device::emu}) {
    const OnDevice scope(device);
    Tensor x = Tensor::from({3}, {1.0f, 1.00390625f, 3.14159274f});
    x.set_requires_grad();
    const Tensor narrow = cast(x, DType::bf16);
    CHECK(narrow.dtype() == DType::bf16);
    CHECK(narrow.to_vector() == std::vector<float>{1.0f, 1.0f, 3.140625f});
    backward(sum(cast(narrow, DType::f32) * Tensor::from({3}, {1, 2, 1.00390625f})));
    CHECK(x.grad().dtype() == DType::f32);
    CHECK(x.grad().to_vector() == std::vector<float>{1, 2, 1});
    CHECK(cast(x, DType::f32).id() == x.id());
  }
  CHECK_THROWS_WITH(cast(Tensor::of_ints({1}, {1}), DType::bf16), "cast: i32 to bf16, expected f32 and bf16");
  CHECK_THROWS_WITH(std::as_const(*std::make_unique<Tensor>(cast(Tensor::zeros({1}), DType::bf16))).data(),
                    "tensor: bf16 numbers read as f32");
}

TEST_CASE("bf16 on the cpu: maps are stored so in inference, with prepared weights or without; a gradient is refused") {
  const OnDevice scope(Device::cpu);
  set_map_storage(DType::bf16);
  set_random_step(5, 0);
  Conv2d first{1, 32, 3, {.padding = 1}, true}, second{32, 32, 3, {.padding = 1}, false};  // direct, Winograd
  BatchNorm bn{32, {.relu = true}};
  bn.eval();
  Tensor x = Tensor::empty({2, 9, 8, 1});
  normal(x, 0, 1);
  const char* const refusal =
      ": gradients through maps stored in bf16, on device cpu; expected device cuda or emu, or maps in f32";
  CHECK_THROWS_WITH(first(x), "conv2d" + std::string(refusal));
  CHECK_THROWS_WITH(bn(cast(Tensor::zeros({2, 3, 32}), DType::bf16)), "batch_norm" + std::string(refusal));
  const Tensor unprepared = conv2d(conv2d(x, first.weight.detach(), first.bias.detach(), first.options),
                                   second.weight.detach(), {}, second.options);

  const NoGrad inference;
  const Tensor map = second(first(x)), pooled = avg_pool2d(max_pool2d(elu(map), {1, 2}), 2);
  for (const Tensor& t : {map, bn(map), conv2d_batch_norm(map, second, bn), pooled, permute(pooled, {0, 3, 1, 2})}) {
    CHECK(t.dtype() == DType::bf16);
  }
  CHECK(global_avg_pool(pooled).dtype() == DType::f32);
  CHECK(map.to_vector() == unprepared.to_vector());
  CHECK(map.to_vector() == second(first(x)).to_vector());
  set_map_storage(DType::f32);  // the same weights are prepared once more, unrounded
  const std::vector<float> narrow = map.to_vector(), wide = second(first(x)).to_vector();
  CHECK(narrow != wide);
  // first's result is off by its input's, weights' and own rounding, second's by that, its weights' and its own
  double largest = 0;
  for (const float v : wide) largest = std::max(largest, double(std::fabs(v)));
  for (size_t i = 0; i < wide.size(); ++i) CHECK(std::fabs(narrow[i] - wide[i]) <= 5 * 0x1p-8 * largest);
}

TEST_CASE("bf16: maps are stored so from the first convolution on, parameters and their gradients are f32") {
  const OnDevice scope(Device::emu);
  set_map_storage(DType::bf16);
  set_random_step(5, 0);
  Conv2d conv{1, 4, 3, {.padding = 1}, true};
  BatchNorm bn{4, {.relu = true}};
  Tensor x = Tensor::empty({2, 8, 8, 1});
  normal(x, 0, 1);
  const Tensor map = conv(x), normal_map = bn(map), pooled = max_pool2d(relu(normal_map), 2);
  for (const Tensor& t : {map, normal_map, pooled, dropout(pooled, 0.5f, true), permute(pooled, {0, 3, 1, 2})}) {
    CHECK(t.dtype() == DType::bf16);
  }
  CHECK(global_avg_pool(pooled).dtype() == DType::f32);
  CHECK((pooled + pooled).dtype() == DType::f32);
  backward(sum(square(global_avg_pool(pooled) + global_max_pool(pooled))));  // pooled's two gradients add up in bf16
  for (Module* const module : std::initializer_list<Module*>{&conv, &bn}) {
    for (const NamedTensor& p : module->parameters()) {
      INFO(p.name);
      CHECK(p.tensor->dtype() == DType::f32);
      REQUIRE(p.tensor->grad());
      CHECK(p.tensor->grad().dtype() == DType::f32);
      float largest = 0;
      for (const float g : p.tensor->grad().to_vector()) largest = std::max(largest, std::fabs(g));
      CHECK(largest > 0);
    }
  }
}
