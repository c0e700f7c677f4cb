// SPDX-License-Identifier: Apache-2.0
// The same engine code on the CPU and with CUDA kernels: the same losses.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "engine/optim.h"
#include "engine/random.h"
#include "kernels/gpu_runtime.h"
#include "nets/registry.h"

using namespace limbic;

namespace {

struct OnDevice {
  explicit OnDevice(Device device, DType maps = DType::f32) {
    set_compute_device(device);
    set_map_storage(maps);
  }
  ~OnDevice() { set_compute_device(Device::cpu); }
};

/// The emulator, and a GPU where the build and the machine have one.
std::vector<Device> gpu_devices() {
  std::vector<Device> devices{Device::emu};
  const GpuRuntime* const cuda = gpu_runtime(Device::cuda);
  if (cuda && cuda->compute_capability()) devices.push_back(Device::cuda);
  return devices;
}

/// Of a fresh net on noise: losses of `steps` training steps, the norm of the first gradient (what Adam makes of a
/// gradient near 0 depends on its sign), and the logits in eval mode before that.
std::vector<float> train(const std::string& name, const NetOptions& options, const Shape& shape, int steps,
                         const Tensor& lengths = {}) {
  set_random_step(21, 0);
  auto net = make_net(name, options);
  net->lengths = lengths;
  for (const NamedTensor& p : net->parameters()) {  // off the centres of pixels, where a sampler's gradient jumps
    if (p.name == "fc_loc.2.bias") p.tensor->copy_from(Tensor::from({6}, {0.9f, 0.05f, 0.013f, -0.04f, 0.93f, 0.021f}));
  }
  Adam adam(net->parameters(), {.lr = 1e-3});
  std::vector<float> numbers;
  const auto batch = [&](int step) {
    set_random_step(21, static_cast<uint64_t>(step) + 1);
    Tensor x = Tensor::empty(shape);
    normal(x, 0, 1);
    return x;
  };
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < shape[0]; ++i) labels.push_back(static_cast<int32_t>(i % options.classes));
  net->eval();
  {
    const NoGrad inference;
    for (const float logit : (*net)(batch(steps)).to_vector()) numbers.push_back(logit);
  }
  net->train();
  for (int step = 0; step < steps; ++step) {
    const Tensor x = batch(step);
    adam.zero_grad();
    const Tensor loss = cross_entropy((*net)(x), Tensor::of_ints({shape[0]}, labels));
    numbers.push_back(loss.item());
    backward(loss);
    const float norm = clip_grad_norm(net->parameters(), 1);
    if (step == 0) numbers.push_back(norm);
    adam.step();
  }
  return numbers;
}

void check_devices(const std::string& name, const NetOptions& options, const Shape& shape, int steps,
                   const Tensor& lengths = {}) {
  const auto on_cpu = train(name, options, shape, steps, lengths);
  for (const Device device : gpu_devices()) {
    const OnDevice scope(device);
    const auto on_gpu = train(name, options, shape, steps, lengths);
    REQUIRE(on_gpu.size() == on_cpu.size());
    for (size_t i = 0; i < on_cpu.size(); ++i) {
      INFO(name << " on " << device_name(device) << ", number " << i);
      CHECK(std::fabs(on_gpu[i] - on_cpu[i]) <= 1e-4f * std::max(1.0f, std::fabs(on_cpu[i])));
    }
  }
}

NetOptions with(int classes, std::vector<int> widths) {
  NetOptions o;
  o.classes = classes;
  o.widths = std::move(widths);
  return o;
}

}  // namespace

TEST_CASE("devices: a narrow CNN-14 trains three steps with the CPU's losses") {
  NetOptions o = with(4, {2, 4, 8, 8, 16, 16});
  o.embedding = 16;
  check_devices("cnn14", o, {2, 48, 64}, 3);
}

TEST_CASE("devices: a narrow CNN-14 trains in bf16 as in f32, but for the rounding, and with the same bits again") {
  NetOptions o = with(4, {2, 4, 8, 8, 16, 16});
  o.embedding = 16;
  const Shape shape{2, 48, 64};
  for (const Device device : gpu_devices()) {
    INFO(device_name(device));
    const auto in = [&](DType maps) {
      const OnDevice scope(device, maps);
      return train("cnn14", o, shape, 3);
    };
    const std::vector<float> wide = in(DType::f32), narrow = in(DType::bf16);
    CHECK(narrow == in(DType::bf16));
    CHECK(narrow != wide);
    REQUIRE(narrow.size() == wide.size());
    // Input, weights, sums, normalised maps and dropouts of six blocks are rounded on the way to a logit, 43 tensors,
    // by at most 2^-8 each; they add up as independent errors do. A step was made of gradients that went back as far.
    const double forward = std::sqrt(43.0) * 0x1p-8;
    constexpr size_t logits = 8;
    double largest = 0;
    for (size_t i = 0; i < logits; ++i) largest = std::max(largest, double(std::fabs(wide[i])));
    for (size_t i = 0; i < wide.size(); ++i) {
      INFO("number " << i << ": " << narrow[i] << ", in f32 " << wide[i]);
      const double size = i < logits ? largest : std::fabs(wide[i]), after_steps = i > logits + 1 ? 2 : 1;
      CHECK(std::fabs(narrow[i] - wide[i]) <= after_steps * forward * size);
    }
  }
}

TEST_CASE("devices: nets answer in bf16 on the CPU as in f32, but for the rounding, and as the emulator does") {
  NetOptions narrow = with(4, {2, 4, 32, 32, 8, 8});  // the CPU transforms those of 32 channels (Winograd)
  narrow.embedding = 16;
  const struct {
    const char* name;
    NetOptions options;
    int64_t frames;
    bool on_devices;
  } nets[] = {{"cnn14", narrow, 48, true}, {"sys2-audio-2d", {}, 64, false}, {"sys2-audio-1d", {}, 64, false},
              {"sys2-face", {}, 1, false}, {"no-stn", {}, 1, false},         {"voice", {}, 100, false}};
  for (const auto& [name, options, frames, on_devices] : nets) {
    INFO(name);
    set_random_step(21, 0);
    auto net = make_net(name, options);
    net->eval();
    const NoGrad inference;
    Tensor x = Tensor::empty(net->input_shape(3, frames));
    normal(x, 0, 1);
    const auto answer = [&](Device device, DType maps, const Tensor& input) {
      const OnDevice scope(device, maps);
      return (*net)(input).to_vector();
    };
    const std::vector<float> wide = answer(Device::cpu, DType::f32, x), rounded = answer(Device::cpu, DType::bf16, x);
    CHECK(rounded != wide);

    std::vector<float> one_by_one;
    for (int64_t n = 0; n < 3; ++n) {
      const std::vector<float> one = answer(Device::cpu, DType::bf16, slice(x, 0, n, n + 1));
      one_by_one.insert(one_by_one.end(), one.begin(), one.end());
    }
    CHECK(one_by_one == rounded);

    // The input, and of each convolution the weights, the sum, what is normalised and what is pooled of it, are rounded
    // by at most 2^-8 each; they add up as independent errors do.
    int tensors = 1;
    for (const NamedTensor& p : net->parameters()) tensors += p.tensor->rank() > 2 ? 4 : 0;
    float largest = 0;
    for (const float logit : wide) largest = std::max(largest, std::fabs(logit));
    const auto check = [&](const std::vector<float>& got, const std::vector<float>& expected) {
      REQUIRE(got.size() == expected.size());
      for (size_t i = 0; i < got.size(); ++i)
        CHECK(std::fabs(got[i] - expected[i]) <= std::sqrt(float(tensors)) * 0x1p-8f * largest);
    };
    check(rounded, wide);
    for (const Device device : gpu_devices()) {
      if (on_devices) check(rounded, answer(device, DType::bf16, x));
    }
  }
}

TEST_CASE("devices: a spatial transformer trains with the CPU's losses") {
  check_devices("guided-stn", with(3, {}), {1, 48, 48, 2}, 1);
}

TEST_CASE("devices: recurrent layers and attention over sequences of any length train with the CPU's losses") {
  NetOptions o = with(3, {5, 5});
  o.features = 7;
  check_devices("bilstm-attention", o, {3, 6, 7}, 2, Tensor::of_ints({3}, {6, 2, 4}));
}
