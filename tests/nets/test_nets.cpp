// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/isa.h"
#include "kernels/registry.h"
#include "nets/registry.h"

using namespace limbic;

namespace {

NetOptions with(int classes, std::vector<int> widths = {}, Size2 kernel = 0) {
  NetOptions o;
  o.classes = classes;
  o.widths = std::move(widths);
  o.kernel = kernel;
  return o;
}

NetOptions sequences(int features, int units = 50) {
  NetOptions o = with(8, {units, units});
  o.features = features;
  return o;
}

NetOptions narrow_cnn14(int classes = 10) {
  NetOptions o = with(classes, {2, 4, 8, 16, 32, 64});
  o.embedding = 64;
  return o;
}

Tensor noise(const Shape& shape, uint64_t step = 1) {
  set_random_step(7, step);
  Tensor x = Tensor::empty(shape);
  normal(x, 0, 1);
  return x;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Tensor infer(Net& net, const Tensor& x) {
  NoGrad inference;
  return net(x);
}

}  // namespace

TEST_CASE("nets have their published numbers of parameters") {
  struct Published {
    const char* name;
    NetOptions options;
    int64_t parameters;
  };
  const Published nets[] = {
      {"cnn14", {}, 80'753'615},
      {"cnn10", {}, 5'219'279},
      {"cnn6", {}, 4'837'455},
      {"alexnet", with(8), 57'036'616},
      {"alexnet", with(1000), 61'100'840},
      {"sys2-audio-1d", {}, 296'903},
      {"sys2-audio-2d", {}, 60'359},
      {"sys2-audio-2d", with(7, {64}), 239'495},
      {"sys2-audio-2d", with(7, {64}, {3, 5}), 387'335},
      {"voice", {}, 703'656},
      {"guided-stn", {}, 66'673},
      {"guided-stn", with(8), 66'928},
      {"unguided-stn", {}, 66'673},
      {"no-stn", {}, 43'553},
      {"bilstm-attention", {}, 112'609},
      {"bilstm-attention", sequences(35), 106'609},
      {"bilstm-attention", sequences(8), 95'809},
      {"bilstm-attention", sequences(810), 416'609},
      {"bilstm-attention", sequences(810, 300), 5'199'609},
      {"face", {}, 1'174'439},
      {"sys2-face", {}, 2'030'215 - 1'216},
      {"resnet50", {}, 24'640'391 - 53'120},
  };
  for (const Published& p : nets) {
    INFO(p.name);
    CHECK(make_net(p.name, p.options)->parameter_count() == p.parameters);
  }
}

TEST_CASE("Keras counts statistics among the parameters") {
  for (const auto& [name, all] : {std::pair{"sys2-face", 2'030'215}, {"resnet50", 24'640'391}}) {
    auto net = make_net(name);
    int64_t statistics = 0;
    for (const NamedTensor& b : net->buffers()) statistics += b.tensor->size();
    CHECK(net->parameter_count() + statistics == all);
  }
}

TEST_CASE("a transfer net is the whole of Cnn14 and a layer more") {
  CHECK(make_net("cnn14-transfer", with(8))->parameter_count() == 80'770'007);
}

TEST_CASE("Cnn14's state has the 84 keys of a checkpoint, in its order") {
  std::vector<std::string> keys = {"spectrogram_extractor.stft.conv_real.weight",
                                   "spectrogram_extractor.stft.conv_imag.weight", "logmel_extractor.melW"};
  auto batch_norm = [&](const std::string& name) {
    for (const char* leaf : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}) {
      keys.push_back(name + "." + leaf);
    }
  };
  batch_norm("bn0");
  for (int b = 1; b <= 6; ++b) {
    const std::string block = "conv_block" + std::to_string(b);
    keys.push_back(block + ".conv1.weight");
    keys.push_back(block + ".conv2.weight");
    batch_norm(block + ".bn1");
    batch_norm(block + ".bn2");
  }
  for (const char* name : {"fc1.weight", "fc1.bias", "fc_audioset.weight", "fc_audioset.bias"}) keys.emplace_back(name);
  REQUIRE(keys.size() == 84);

  auto net = make_net("cnn14", narrow_cnn14());
  std::vector<std::string> own;
  for (const NamedTensor& t : net->state()) own.push_back(t.name);
  CHECK(own == keys);
  CHECK(file_shape(net->state()[0]) == Shape{513, 1, 1024});
  CHECK(file_shape(net->state()[2]) == Shape{513, 64});
  CHECK(file_shape(net->state()[8]) == Shape{2, 1, 3, 3});
  CHECK(file_shape(net->state()[9]) == Shape{2, 2, 3, 3});
}

TEST_CASE("the stored front ends differ by rate") {
  CHECK(file_shape(make_net("cnn14-16k", narrow_cnn14())->state()[0]) == Shape{257, 1, 512});
  CHECK(file_shape(make_net("cnn14-8k", narrow_cnn14())->state()[0]) == Shape{129, 1, 256});
}

TEST_CASE("the other nets carry their published names") {
  auto names = [](const char* net, const NetOptions& o = {}) {
    std::vector<std::string> all;
    for (const NamedTensor& p : make_net(net, o)->parameters()) all.push_back(p.name);
    return all;
  };
  const auto alexnet = names("alexnet", with(8, {2, 2, 2, 2, 2}));
  CHECK(alexnet.front() == "features.0.weight");
  CHECK(alexnet.back() == "classifier.6.bias");
  CHECK(alexnet.size() == 16);
  const auto system2 = names("sys2-audio-2d");
  CHECK(system2 == std::vector<std::string>{"conv2d.kernel", "conv2d.bias", "conv2d_1.kernel", "conv2d_1.bias",
                                            "conv2d_2.kernel", "conv2d_2.bias", "dense.kernel", "dense.bias",
                                            "dense_1.kernel", "dense_1.bias"});
}

TEST_CASE("the face nets carry their published names") {
  const auto names = [](const char* net, const NetOptions& o = {}) {
    std::vector<std::string> all;
    for (const NamedTensor& t : make_net(net, o)->state()) all.push_back(t.name);
    return all;
  };
  const auto guided = names("guided-stn");
  CHECK(guided == std::vector<std::string>{"conv1.weight",
                                           "conv1.bias",
                                           "conv2.weight",
                                           "conv2.bias",
                                           "conv3.weight",
                                           "conv3.bias",
                                           "conv4.weight",
                                           "conv4.bias",
                                           "norm.weight",
                                           "norm.bias",
                                           "norm.running_mean",
                                           "norm.running_var",
                                           "norm.num_batches_tracked",
                                           "fc1.weight",
                                           "fc1.bias",
                                           "fc2.weight",
                                           "fc2.bias",
                                           "localization.0.weight",
                                           "localization.0.bias",
                                           "localization.3.weight",
                                           "localization.3.bias",
                                           "fc_loc.0.weight",
                                           "fc_loc.0.bias",
                                           "fc_loc.2.weight",
                                           "fc_loc.2.bias"});
  CHECK(names("unguided-stn") == guided);
  CHECK(names("no-stn") == std::vector<std::string>(guided.begin(), guided.begin() + 17));
  const auto sequence = names("bilstm-attention");
  CHECK(sequence.size() == 16 + 4 + 2);
  CHECK(sequence.front() == "feature_extractor.encoder.lstm.weight_ih_l0");
  CHECK(sequence[16] == "feature_extractor.attention.attention.0.weight");
  CHECK(sequence[18] == "feature_extractor.attention.attention.3.weight");
  CHECK(sequence.back() == "linear.bias");
  const auto resnet = names("resnet50", with(7, {2, 3, 4, 5}));
  CHECK(resnet.size() == 53 * 6 + 4);
  CHECK(std::count(resnet.begin(), resnet.end(), "conv2_block1_0_conv.kernel") == 1);
  CHECK(std::count(resnet.begin(), resnet.end(), "conv5_block3_3_bn.moving_variance") == 1);
  CHECK(std::count(resnet.begin(), resnet.end(), "conv5_block3_0_conv.kernel") == 0);
}

TEST_CASE("a spatial transformer first looks at the whole picture; then the guide says where, and the picture what") {
  set_random_step(3, 1);
  auto net = make_net("guided-stn");
  net->eval();
  Tensor seen;
  for (const auto& m : net->modules()) {
    if (m.name == "conv1") m.module->on_forward([&](Module&, const Tensor& x, const Tensor&) { seen = x; });
  }
  const Tensor x = noise({2, 48, 48, 2});
  const Tensor picture = slice(x, 3, 0, 1), guide = slice(x, 3, 1, 2);
  infer(*net, x);
  for (int64_t i = 0; i < seen.size(); ++i) REQUIRE(std::fabs(seen.data()[i] - picture.data()[i]) < 1e-4f);

  for (const NamedTensor& p : net->parameters()) {
    if (p.name == "fc_loc.2.weight") uniform(*p.tensor, -0.2f, 0.2f);
  }
  infer(*net, x);
  const Tensor first = seen;
  infer(*net, concat({picture, noise({2, 48, 48, 1}, 9)}, 3));
  CHECK(!same_bits(seen, first));
  infer(*net, concat({picture * 2, guide}, 3));
  CHECK(same_bits(seen, first * 2));
}

TEST_CASE("padding does not change what a sequence net says, and nothing else needs to") {
  set_random_step(3, 2);
  auto net = make_net("bilstm-attention", sequences(7, 9));
  net->eval();
  const Tensor x = noise({3, 12, 7});
  net->lengths = Tensor::of_ints({3}, {12, 5, 9});
  const Tensor together = infer(*net, x);
  for (int i = 0; i < 3; ++i) {
    const int length = net->lengths.ints()[i];
    auto alone = make_net("bilstm-attention", sequences(7, 9));
    for (size_t k = 0; k < net->state().size(); ++k) alone->state()[k].tensor->copy_from(*net->state()[k].tensor);
    alone->eval();
    CHECK(same_bits(infer(*alone, slice(slice(x, 0, i, i + 1), 1, 0, length)), slice(together, 0, i, i + 1)));
  }
  CHECK_THROWS_WITH(infer(*net, noise({2, 12, 7})), Catch::Contains("lengths [3] for x [2,12,"));
  CHECK_THROWS_WITH(make_net("bilstm-attention", with(8, {50, 25})), Catch::Contains("one width"));
}

TEST_CASE("nets give logits for each class, and an embedding") {
  struct Case {
    const char* name;
    NetOptions options;
    int64_t embedding;
  };
  NetOptions thin_alexnet = with(5, {2, 2, 2, 2, 2});
  thin_alexnet.embedding = 6;
  const Case cases[] = {
      {"cnn14", narrow_cnn14(5), 64},
      {"cnn14-transfer", narrow_cnn14(5), 64},
      {"voice", with(5, {2, 4, 8, 16}), 16},
      {"alexnet", thin_alexnet, 6},
      {"sys2-audio-1d", with(5), 128},
      {"sys2-audio-2d", with(5, {2, 4, 4}), 4},
      {"guided-stn", with(5), 50},
      {"unguided-stn", with(5), 50},
      {"no-stn", with(5), 50},
      {"face", with(5, {2, 3, 4, 5}), 5},
      {"sys2-face", with(5, {2, 3, 4, 5}), 128},
      {"resnet50", with(5, {2, 2, 3, 3}), 512},
      {"bilstm-attention", with(5, {6, 6}), 12},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    auto net = make_net(c.name, c.options);
    net->eval();
    const Tensor x = noise(net->input_shape(2, std::max(net->min_frames, 40)));
    NoGrad inference;
    CHECK((*net)(x).shape() == Shape{2, 5});
    CHECK(net->embed(x).shape() == Shape{2, c.embedding});
    const Tensor p = probabilities(*net, (*net)(x));
    for (float v : p.to_vector()) CHECK((v > 0 && v < 1));
  }
}

TEST_CASE("clips give the same bits alone and in a batch, in every net, on every rung and instruction set") {
  static std::set<std::string> rungs;  // that convolved
  const std::map<std::string, NetOptions> narrow = {
      // wide enough for Winograd's rung: 32 channels
      {"cnn14", with(10, {8, 16, 32, 32, 48, 48})},
      {"cnn14-16k", with(10, {8, 16, 32, 32, 48, 48})},
      {"cnn14-8k", with(10, {8, 16, 32, 32, 48, 48})},
      {"cnn14-transfer", with(10, {8, 16, 32, 32, 48, 48})},
      {"cnn10", with(10, {16, 32, 32, 48})},
      {"cnn6", with(10, {16, 32, 32, 48})},
      {"alexnet", with(5, {8, 16, 32, 32, 32})},
      {"voice", with(8, {16, 32, 32, 48})},
      {"sys2-audio-1d", with(5)},
      {"sys2-audio-2d", with(5)},
      {"guided-stn", with(5)},
      {"unguided-stn", with(5)},
      {"no-stn", with(5)},
      {"face", with(7, {16, 32, 32, 48})},
      {"sys2-face", with(5, {2, 3, 4, 5})},
      {"resnet50", with(5, {2, 2, 3, 3})},
      {"bilstm-attention", with(5, {6, 6})},
  };
  const std::set<std::string> own_embedding = {"guided-stn", "unguided-stn", "no-stn",
                                               "sys2-face",  "resnet50",     "bilstm-attention"};
  const Isa before = active_isa();
  for (const std::string& name : net_names()) {
    NetOptions options = narrow.at(name);  // a net that is missing here fails
    if (!own_embedding.contains(name)) options.embedding = 40;
    set_random_step(7, 0);
    auto net = make_net(name, options);
    for (const NamedTensor& b : net->buffers()) {
      if (b.name.ends_with("running_mean")) normal(*b.tensor, 0, 1);
      if (b.name.ends_with("running_var")) uniform(*b.tensor, 0.2f, 2);
    }
    net->eval();
    const Tensor batch = noise(net->input_shape(3, std::max(net->min_frames, 53)));
    for (const char* isa : {"reference", "avx2", "avx512"}) {
      if (select_isa(isa)) continue;  // test_kernels says which this CPU lacks
      for (const char* forced : {"", "cpu_direct"}) {
        if (*forced && isa == std::string("reference")) continue;
        INFO(name << " on " << isa << " " << forced);
        REQUIRE(force_kernel("conv2d", forced));
        set_trace([](const TraceLine& line) {
          if (line.pass.op == std::string("conv2d")) rungs.insert(line.rung);
        });
        const Tensor together = infer(*net, batch);
        for (int i = 0; i < 3; ++i) {
          const Tensor alone = infer(*net, slice(batch, 0, i, i + 1));
          CHECK(same_bits(alone, slice(together, 0, i, i + 1)));
        }
        set_trace(nullptr);
        force_kernel("conv2d", "");
      }
    }
  }
  select_isa(isa_name(before));
  if (isa_supported(Isa::avx2)) CHECK(rungs == std::set<std::string>{"cpu_direct", "cpu_winograd", "v0_reference"});
}

TEST_CASE("inference without a tape gives the bits of the recorded forward pass") {
  auto net = make_net("cnn14", narrow_cnn14());
  net->eval();
  const Tensor x = noise(net->input_shape(2, 40));
  CHECK(same_bits(infer(*net, x), (*net)(x)));
}

TEST_CASE("Cnn14 takes any length from 32 frames and says so below") {
  auto net = make_net("cnn14", narrow_cnn14());
  net->eval();
  CHECK(infer(*net, noise({1, 32, 64})).shape() == Shape{1, 10});
  CHECK(infer(*net, noise({1, 77, 64})).shape() == Shape{1, 10});
  CHECK_THROWS_WITH(net->forward(noise({1, 31, 64})), Catch::Contains("31 frames") && Catch::Contains("32"));
  CHECK_THROWS_WITH(net->forward(noise({1, 40, 32})), Catch::Contains("[1,40,32]"));
}

TEST_CASE("an unknown net is refused with the list of those there are") {
  CHECK_THROWS_WITH(make_net("cnn15"), Catch::Contains("cnn15") && Catch::Contains("cnn14-16k"));
}

TEST_CASE("sizes that a net cannot have are refused before it is made") {
  const auto refusal = [](const char* net, const NetOptions& options) -> std::string {
    try {
      make_net(net, options);
    } catch (const Error& error) {
      CHECK(error.code == ExitCode::usage);
      return error.what();
    }
    return "made";
  };
  for (const std::string& name : net_names()) {
    INFO(name);
    for (const std::vector<int>& widths : {std::vector<int>{8, 8, 8, 8, 8, 8, 8, 8}, {2, 2, 2, 2, 2, 2, 2}}) {
      CHECK_THAT(refusal(name.c_str(), with(0, widths)), Catch::Contains(name + ": ") && Catch::Contains("widths"));
    }
  }
  CHECK(refusal("cnn14", with(0, {8})) == "cnn14: widths [8]: found 1, expected 6");
  CHECK(refusal("voice", with(0, {8, 8})) == "voice: widths [8,8]: found 2, expected 4");
  CHECK(refusal("bilstm-attention", with(0, {8, 8, 8})) ==
        "bilstm-attention: widths [8,8,8]: found 3, expected 1 or 2");
  CHECK(refusal("sys2-audio-2d", with(0, {8, 8})) == "sys2-audio-2d: widths [8,8]: found 2, expected 1 or 3");
  CHECK_THAT(refusal("voice", with(0, {4, 0, 4, 4})), Catch::Contains("width 0"));
  CHECK_THAT(refusal("voice", with(0, {4, 4, 4, -3})), Catch::Contains("width -3"));
  CHECK_THAT(refusal("sys2-audio-2d", with(0, {1 << 30})), Catch::Contains("width 1073741824"));
  CHECK_THAT(refusal("voice", with(-1)), Catch::Contains("classes -1"));
  CHECK_THAT(refusal("sys2-audio-2d", with(0, {}, {3, -5})), Catch::Contains("kernel [3,-5]"));
  CHECK_THAT(refusal("voice", with(0, {}, {3, 5})), Catch::Contains("kernel [3,5]"));
}
