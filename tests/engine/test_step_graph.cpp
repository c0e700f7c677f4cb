// SPDX-License-Identifier: Apache-2.0
// A recorded step gives the bits of the step itself.
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/layers.h"
#include "engine/ops.h"
#include "engine/optim.h"
#include "engine/random.h"
#include "engine/recurrent.h"
#include "engine/step_graph.h"
#include "kernels/gpu_runtime.h"

using namespace limbic;

namespace {

struct OnDevice {
  explicit OnDevice(Device device) { set_compute_device(device); }
  ~OnDevice() { set_compute_device(Device::cpu); }
};

/// Those that can run kernels here.
std::vector<Device> gpus() {
  std::vector<Device> found;
  for (const Device device : {Device::emu, Device::cuda}) {
    const GpuRuntime* const gpu = gpu_runtime(device);
    if (gpu && !gpu->what_is_missing()) found.push_back(device);
  }
  return found;
}

struct Net : Module {
  Conv2d conv{1, 4, 3, {.padding = 1}, false}, conv2{4, 4, 3, {.padding = 1}, false};
  BatchNorm bn{4, {.relu = true}}, bn2{4, {.relu = true}};
  Dropout drop{0.3f};
  SelfAttention attention{4, 1, 0.2f};
  Linear fc{4, 3};

  Net() {
    add_child("conv", conv), add_child("bn", bn), add_child("drop", drop);
    add_child("conv2", conv2), add_child("bn2", bn2);
    add_child("attention", attention), add_child("fc", fc);
  }
  Tensor forward(const Tensor& x) override {                                        // [N,8,8,1]
    const MeasuredMap first = conv2d_measured(x, conv.weight, conv.options);        // [N,8,8,4]
    const Tensor y = drop(bn2.forward_pooled(bn.forward_convolved(first, conv2)));  // [N,4,4,4]
    return fc(attention(reshape(y, {x.dim(0), 16, 4})));                            // [N,3]
  }
};

Tensor pictures(uint64_t step) {
  set_random_step(6, 1000 + step);
  Tensor x = Tensor::empty({4, 8, 8, 1});
  normal(x, 0, 1);
  return x;
}

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(Net&)>;

/// The numbers of a net that is trained in six steps of two micro-batches, those `in_graph` says of as a graph: losses,
/// then all parameters, buffers and the optimiser's state.
std::vector<float> trained(const MakeOptimizer& make, const std::function<bool(int step)>& in_graph) {
  set_random_step(5, 0);
  Net net;
  const auto optimizer = make(net);
  Tensor x = Tensor::zeros({4, 8, 8, 1}), y = Tensor::zeros({4, 3});
  std::vector<Tensor> values;
  const auto work = [&] {
    values.clear();
    optimizer->zero_grad();
    const uint64_t first = random_state().step;
    for (const int64_t half : {0, 2}) {
      set_random_step(5, first + static_cast<uint64_t>(half) / 2);
      values.push_back(cross_entropy(net(slice(x, 0, half, half + 2)), slice(y, 0, half, half + 2)) * 0.5f);
      backward(values.back());
    }
    optimizer->step();
  };
  std::vector<float> all;
  std::optional<StepGraph> graph;
  for (int step = 0; step < 6; ++step) {
    x.copy_from(pictures(static_cast<uint64_t>(step)));
    y.copy_from(Tensor::from({4, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 0.5f, 0.5f * (step & 1), 0}));
    optimizer->lr = 0.01 / (1 + step);
    set_random_step(5, static_cast<uint64_t>(2 * step) + 1);
    if (in_graph(step)) {
      if (!graph) graph.emplace(work);
      set_random_step(5, static_cast<uint64_t>(2 * step) + 1);
      graph->replay();
    } else {
      graph.reset();
      work();
    }
    for (const Tensor& value : values) all.push_back(value.item());
  }
  const auto append = [&all](const std::vector<NamedTensor>& tensors) {
    for (const NamedTensor& t : tensors) {
      const auto numbers = t.tensor->to_vector();
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
  };
  append(net.parameters()), append(net.buffers()), append(optimizer->state());
  return all;
}

}  // namespace

TEST_CASE("step graph: training in a graph has the bits of training without, whatever changes between steps") {
  const std::pair<const char*, MakeOptimizer> optimizers[] = {
      {"adam", [](Net& net) { return std::make_unique<Adam>(net.parameters(), AdamOptions{.amsgrad = true}); }},
      {"sgd", [](Net& net) { return std::make_unique<Sgd>(net.parameters(), SgdOptions{.momentum = 0.9}); }}};
  for (const Device device : gpus()) {
    const OnDevice scope(device);
    for (const auto& [name, make] : optimizers) {
      INFO(device_name(device) << ", " << name);
      const auto without = trained(make, [](int) { return false; });
      CHECK(trained(make, [](int) { return true; }) == without);
      CHECK(trained(make, [](int step) { return step != 0 && step != 3; }) == without);  // recorded, dropped, recorded
    }
  }
}

TEST_CASE("step graph: what a replay could not know is refused when it is recorded") {
  const OnDevice scope(Device::emu);
  Tensor x = Tensor::from({2}, {1, 2});
  const auto message = [](const std::function<void()>& work) -> std::string {
    try {
      const StepGraph graph(work);
    } catch (const Error& error) {
      CHECK(error.code == ExitCode::failure);
      return error.what();
    }
    return "";
  };
  CHECK(message([&] { sum(x + x).item(); }) == "a recorded step reads its numbers on the host");
  CHECK(message([&] { (void)std::as_const(x).data(); }) ==
        "a recorded step uses on the host numbers that are new in each step");
  CHECK(message([&] { StepGraph again([] {}); }) == "a step is recorded while another is");
  CHECK(message([&] { uniform(x, 0, 1); }) == "a recorded step cannot draw on the host");
  CHECK((x + x).to_vector() == std::vector<float>{2, 4});  // and nothing is recorded any more
  StepGraph graph([&] { x = x + x; });
  const RandomState state = random_state();
  set_random_step(state.seed + 1, state.step);
  CHECK_THROWS_WITH(graph.replay(), "a step is replayed with another seed");
  random_state() = state;
  set_compute_device(Device::cpu);
  CHECK_THROWS_WITH(graph.replay(), "a step is replayed on another device");
  CHECK(message([] {}) == "a step is recorded on a GPU or the emulator, not the CPU");
}

TEST_CASE("step graph: it reads what is new outside, leaves what it made in place, and keeps its constants") {
  for (const Device device : gpus()) {
    const OnDevice scope(device);
    Tensor x = Tensor::from({2}, {1, 2}), y;
    StepGraph graph([&] {
      const Tensor constant = Tensor::from({2}, {10, 20});
      y = x * constant;
      y = y + Tensor::full({2}, 0.5f);
    });
    for (const float v : {3.0f, 4.0f}) {
      x.data()[1] = v;
      graph.replay();
      CHECK(y.to_vector() == std::vector<float>{10.5f, 20 * v + 0.5f});
    }
    CHECK(y.data()[0] == 10.5f);  // as if to be written
    graph.replay();
    CHECK((y + y).to_vector() == std::vector<float>{21, 161});
    x = Tensor();  // the graph keeps the memory that it reads
    graph.replay();
    CHECK(y.to_vector() == std::vector<float>{10.5f, 80.5f});
  }
}
