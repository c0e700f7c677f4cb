// SPDX-License-Identifier: Apache-2.0
// The same bits on every machine: SHA-256 of inference and training results, from committed sound, against the
// committed table tests/fixtures/bits.csv, whose last column says on which kinds of machine each was seen.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "engine/ops.h"
#include "engine/optim.h"
#include "engine/random.h"
#include "io/sha256.h"
#include "kernels/isa.h"
#include "kernels/parallel.h"
#include "nets/front_end.h"
#include "nets/registry.h"

using namespace limbic;

namespace {

const std::string fixtures = std::string(LIMBIC_SOURCE_DIR) + "/tests/fixtures/";

std::vector<float> committed_sound() {  // 16 kHz mono: the sound of tests/clips/demo.mp4
  std::ifstream file(fixtures + "voice_16k.s16", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> samples(bytes.size() / 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto low = static_cast<unsigned char>(bytes[2 * i]);
    const auto high = static_cast<signed char>(bytes[2 * i + 1]);
    samples[i] = static_cast<float>(high * 256 + low) / 32768.0f;
  }
  return samples;
}

std::string hash(const Tensor& t) {
  return Sha256().update(t.data(), static_cast<size_t>(t.size()) * sizeof(float)).hex();
}

Tensor sound_map(const char* front_end) {
  const auto samples = committed_sound();
  const Tensor map = log_mel(*find_front_end(front_end), samples.data(), static_cast<int64_t>(samples.size()));
  return map.view({1, map.dim(0), map.dim(1)});
}

std::string log_mel_bits() { return hash(sound_map("panns-16k")); }

std::string inference_bits(const char* net_name, NetOptions options, const Tensor& map) {
  set_random_step(11, 0);
  const auto net = make_net(net_name, options);
  for (const NamedTensor& b : net->buffers()) {  // as no training left them: all batch norms have something to do
    if (b.name.ends_with("running_mean")) normal(*b.tensor, 0, 1);
    if (b.name.ends_with("running_var")) uniform(*b.tensor, 0.2f, 2);
  }
  net->eval();
  NoGrad no_grad;
  return hash((*net)(map));
}

// 50 steps on two clips cut from the sound, with dropout; then every parameter goes into one hash.
std::string training_bits() {
  set_random_step(5, 0);
  const auto net = make_net("cnn14-16k", {.classes = 8, .widths = {4, 6, 8, 12, 16, 20}, .embedding = 24});
  net->train();
  Adam adam(net->parameters(), {.lr = 1e-3f, .amsgrad = true});
  const Tensor map = sound_map("panns-16k");
  const Tensor x = concat({slice(map, 1, 0, 96), slice(map, 1, 100, 196)}, 0);
  const Tensor targets = Tensor::of_ints({2}, {2, 5});
  for (int step = 0; step < 50; ++step) {
    set_random_step(5, step + 1);
    net->zero_grad();
    backward(cross_entropy((*net)(x), targets));
    adam.step();
  }
  std::string all;
  for (const auto& p : net->state()) all += hash(p.tensor->dtype() == DType::f32 ? *p.tensor : Tensor::zeros({1}));
  return Sha256().update(all).hex();
}

const std::map<std::string, std::string (*)()> results = {
    {"log_mel_panns_16k", log_mel_bits},
    {"voice_inference", [] { return inference_bits("voice", {}, sound_map("voice-16k")); }},
    {"face_inference",
     [] {
       const Tensor map = sound_map("panns-16k");  // any 48x48 numbers are a picture to the net
       return inference_bits("face", {}, slice(slice(map, 1, 0, 48), 2, 0, 48).view({1, 48, 48, 1}));
     }},
    {"cnn14_w16_inference",
     [] {
       return inference_bits("cnn14-16k", {.widths = {4, 8, 16, 32, 64, 128}, .embedding = 128},
                             sound_map("panns-16k"));
     }},
    {"cnn14_training_50_steps", training_bits},
};

struct Settings {
  ~Settings() { select_isa(isa_name(before)), set_threads(count); }
  Isa before = active_isa();
  int count = threads();
};

}  // namespace

TEST_CASE("inference and training give the committed bits on every instruction set, at any thread count") {
  std::map<std::string, std::string> table;
  std::ifstream file(fixtures + "bits.csv");
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::string name, sum;
    std::getline(cells, name, ',') && std::getline(cells, sum, ',');
    table[name] = sum;
  }
  const Settings restore;
  for (Isa isa : {Isa::avx512, Isa::avx2}) {
    if (!isa_supported(isa)) {
      WARN("skipped: this CPU has no " << isa_name(isa));
      continue;
    }
    select_isa(isa_name(isa));
    for (int count : {1, 2, 3, 8}) {
      set_threads(count);
      for (const auto& [name, compute] : results) {
        INFO(name << " on " << isa_name(isa) << " with " << count << " threads");
        CHECK(compute() == table[name]);
      }
    }
  }
}
