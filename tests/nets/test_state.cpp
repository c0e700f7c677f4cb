// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <ctime>
#include <limits>
#include <utility>

#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/memory.h"
#include "nets/registry.h"

using namespace limbic;

namespace {

struct File {
  std::vector<SavedTensor> tensors;
  std::vector<FileTensor> view() const {
    std::vector<FileTensor> all;
    for (const SavedTensor& t : tensors) all.push_back({t.name, t.shape, t.values});
    return all;
  }
  SavedTensor& at(const std::string& name) {
    for (SavedTensor& t : tensors) {
      if (t.name == name) return t;
    }
    throw std::runtime_error("no " + name);
  }
  void remove(const std::string& name) {
    std::erase_if(tensors, [&](const SavedTensor& t) { return t.name == name; });
  }
};

NetOptions narrow(const std::string& net) {
  NetOptions o;
  if (net.starts_with("cnn14"))
    o.widths = {2, 4, 4, 8, 8, 16};
  else if (net == "alexnet")
    o.widths = {2, 3, 4, 5, 6};
  else if (net == "sys2-audio-1d")
    o.widths = {2, 3, 4};
  else if (net == "sys2-audio-2d")
    o.widths = {2, 3, 4}, o.kernel = {3, 5};
  else if (net == "bilstm-attention")
    o.widths = {3, 3}, o.features = 7;
  else if (!net.ends_with("-stn"))
    o.widths = {2, 4, 4, 8};
  o.embedding = net == "voice" || net == "bilstm-attention" ? 0 : 12;
  o.classes = 6;
  return o;
}

File saved(const std::string& net) {
  set_random_step(5, 1);
  return {save_state(make_net(net, narrow(net))->state())};
}

int code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return static_cast<int>(e.code);
  }
  return 0;
}

}  // namespace

TEST_CASE("every net is recognised from its own tensors and keeps its numbers") {
  for (const std::string& name : net_names()) {
    INFO(name);
    const File file = saved(name);
    std::vector<std::string> warnings;
    const bool twin = name == "unguided-stn";  // its tensors are the guided one's
    auto net = net_from_weights(file.view(), "f.h5", twin ? name : "", &warnings);
    CHECK(net->name == name);
    CHECK(warnings.empty());
    CHECK_FALSE(net->training());
    CHECK(net->options.widths == narrow(name).widths);
    CHECK(net->options.classes == 6);
    const auto again = save_state(net->state());
    REQUIRE(again.size() == file.tensors.size());
    for (size_t i = 0; i < again.size(); ++i) {
      CHECK(again[i].name == file.tensors[i].name);
      CHECK(again[i].shape == file.tensors[i].shape);
      CHECK(again[i].values == file.tensors[i].values);
    }
  }
}

TEST_CASE("a recurrent net of more layers than were published is refused, and one of uneven layers") {
  File file = saved("bilstm-attention");
  const auto lstm = [](const char* leaf) { return std::string("feature_extractor.encoder.lstm.") + leaf; };
  SavedTensor third = file.at(lstm("weight_hh_l1"));
  third.name = lstm("weight_hh_l2");
  file.tensors.push_back(third);
  CHECK_THROWS_WITH(net_from_weights(file.view(), "f.h5"), Catch::Contains("f.h5: has 3 LSTM layers"));
  file.tensors.pop_back();
  file.at(lstm("weight_hh_l1")).shape = {9, 4};
  CHECK_THROWS_WITH(net_from_weights(file.view(), "f.h5"), Catch::Contains("weight_hh_l1 is [9,4]"));
  CHECK(code_of([&] { net_from_weights(file.view(), "f.h5"); }) == 4);
}

TEST_CASE("memory holds [K,R,S,C], files hold PyTorch's and Keras's layouts") {
  Tensor w = Tensor::empty({2, 2, 3, 4});  // [K,R,S,C]
  for (int i = 0; i < 48; ++i) w.data()[i] = static_cast<float>(i);
  std::vector<float> file(48);
  const NamedTensor oihw{"w", &w, Layout::channels_last}, hwio{"w", &w, Layout::keras};
  auto at = [&](int k, int r, int s, int c) { return static_cast<float>(((k * 2 + r) * 3 + s) * 4 + c); };

  CHECK(file_shape(oihw) == Shape{2, 4, 2, 3});
  to_file_layout(oihw, file.data());
  CHECK(file[((1 * 4 + 3) * 2 + 1) * 3 + 2] == at(1, 1, 2, 3));
  CHECK(file[((0 * 4 + 2) * 2 + 1) * 3 + 0] == at(0, 1, 0, 2));

  CHECK(file_shape(hwio) == Shape{2, 3, 4, 2});
  to_file_layout(hwio, file.data());
  CHECK(file[((1 * 3 + 2) * 4 + 3) * 2 + 1] == at(1, 1, 2, 3));
  Tensor back = Tensor::zeros({2, 2, 3, 4});
  from_file_layout({"w", &back, Layout::keras}, file.data());
  CHECK(back.to_vector() == w.to_vector());
}

TEST_CASE("prefixes of other tools are seen through") {
  for (const char* prefix : {"module.", "backbone."}) {
    File file = saved("cnn14");
    for (SavedTensor& t : file.tensors) t.name = prefix + t.name;
    CHECK(net_from_weights(file.view(), "f.pth")->name == "cnn14");
  }
  File base = saved("cnn14");
  for (SavedTensor& t : base.tensors) t.name = "base." + t.name;
  CHECK(net_from_weights(base.view(), "f.pth")->name == "cnn14");
}

TEST_CASE("Keras's own names are recognised, whatever its session counted to") {
  File file = saved("sys2-audio-2d");
  const std::pair<const char*, const char*> keras[] = {{"conv2d.", "model_weights/conv2d_9/conv2d_9/"},
                                                       {"conv2d_1.", "model_weights/conv2d_10/conv2d_10/"},
                                                       {"conv2d_2.", "model_weights/conv2d_11/conv2d_11/"},
                                                       {"dense.", "model_weights/dense_4/dense_4/"},
                                                       {"dense_1.", "model_weights/dense_5/dense_5/"}};
  for (SavedTensor& t : file.tensors) {
    const size_t dot = t.name.find('.') + 1;
    for (const auto& [own, theirs] : keras) {
      if (t.name.substr(0, dot) == own) {
        t.name = theirs + t.name.substr(dot) + ":0";
        break;
      }
    }
  }
  file.tensors.push_back({"optimizer_weights/Adam/iter:0", "i64", {}, {1}});
  std::vector<std::string> warnings;
  auto net = net_from_weights(file.view(), "f.h5", "", &warnings);
  CHECK(net->name == "sys2-audio-2d");
  CHECK(warnings.empty());
  CHECK(save_state(net->state())[2].values == file.tensors[2].values);
}

TEST_CASE("the variants of Cnn14 are told by the stored STFT, or by the card where there is none") {
  CHECK(net_from_weights(saved("cnn14-16k").view(), "f")->front_end == "panns-16k");
  File file = saved("cnn14");
  file.remove("spectrogram_extractor.stft.conv_real.weight");
  file.remove("spectrogram_extractor.stft.conv_imag.weight");
  file.remove("logmel_extractor.melW");
  CHECK(net_from_weights(file.view(), "f")->name == "cnn14");
  CHECK(net_from_weights(file.view(), "f", "cnn14-8k")->front_end == "panns-8k");
  CHECK_THROWS_WITH(net_from_weights(saved("cnn14").view(), "f", "cnn10"),
                    Catch::Contains("holds a net cnn14, not cnn10"));
}

TEST_CASE("unfitting weights are refused with key, found and expected") {
  auto load = [](const File& f) { return [&f] { net_from_weights(f.view(), "bad.h5"); }; };
  File file = saved("cnn14");
  file.remove("conv_block3.bn2.running_var");
  CHECK_THROWS_WITH(load(file)(),
                    Catch::Contains("bad.h5: conv_block3.bn2.running_var is missing") && Catch::Contains("[4]"));
  CHECK(code_of(load(file)) == static_cast<int>(ExitCode::weights));

  file = saved("cnn14");
  file.at("conv_block2.conv2.weight").shape = {4, 4, 9, 1};
  CHECK_THROWS_WITH(load(file)(), Catch::Contains("conv_block2.conv2.weight is [4,4,9,1], cnn14 wants [4,4,3,3]"));

  file = saved("cnn14");
  file.at("fc1.weight").values[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(load(file)(), Catch::Contains("fc1.weight has nan at element 5"));

  file = {{{"encoder.weight", "f32", {2}, {1, 2}}}};
  CHECK_THROWS_WITH(load(file)(), Catch::Contains("encoder.weight"));
  CHECK(code_of([] { net_from_weights({}, "empty.h5"); }) == static_cast<int>(ExitCode::weights));
}

TEST_CASE("a front end that is not the net's is warned of; a foreign tensor too") {
  File file = saved("cnn14");
  for (float& v : file.at("logmel_extractor.melW").values) v *= 2;
  file.tensors.push_back({"extra", "f32", {1}, {0}});
  std::vector<std::string> warnings;
  net_from_weights(file.view(), "f", "", &warnings);
  REQUIRE(warnings.size() == 2);
  CHECK_THAT(warnings[0], Catch::Contains("logmel_extractor.melW") && Catch::Contains("panns-32k"));
  CHECK_THAT(warnings[1], Catch::Contains("extra [1]"));
}

TEST_CASE("fine-tuning takes everything but the last layer") {
  const File file = saved("voice");
  NetOptions o = narrow("voice");
  o.classes = 3;
  auto net = make_net("voice", o);
  const auto head = save_state(net->state()).back().values;
  CHECK_THROWS_WITH(load_state(*net, file.view(), "f"), Catch::Contains("fc.weight is [6,8], voice wants [3,8]"));
  const auto warnings = load_state(*net, file.view(), "f", {.keep_other_head = true});
  CHECK(warnings.size() == 2);
  const auto now = save_state(net->state());
  CHECK(now.back().values == head);
  CHECK(now[5].values == file.tensors[5].values);
}

TEST_CASE("a Cnn14 becomes the base of a transfer net") {
  const File file = saved("cnn14");
  NetOptions o = narrow("cnn14-transfer");
  auto net = make_net("cnn14-transfer", o);
  // Its AudioSet layer has 527 classes; this file's has 6.
  File wide = file;
  wide.at("fc_audioset.weight") = {"fc_audioset.weight", "f32", {527, 12}, std::vector<float>(527 * 12, 0.5f)};
  wide.at("fc_audioset.bias") = {"fc_audioset.bias", "f32", {527}, std::vector<float>(527, 0.5f)};
  CHECK_THROWS_WITH(load_state(*net, wide.view(), "f"), Catch::Contains("fc_transfer.weight is missing"));
  load_state(*net, wide.view(), "f", {.keep_other_head = true});
  CHECK(save_state(net->state())[8].values == file.tensors[8].values);
}

TEST_CASE("a file's sizes are compared with each other before a net of these sizes is allocated") {
  const auto refused_in_passing = [](const File& file) {
    const int64_t before = memory_use().live;
    reset_memory_peak();
    CHECK(code_of([&] { net_from_weights(file.view(), "f"); }) == static_cast<int>(ExitCode::weights));
    CHECK(memory_use().peak - before < 16 << 20);  // the narrow Cnn14 with its front end has 5 MB
  };
  for (const std::string& name : net_names()) {
    File file = saved(name);
    for (SavedTensor& t : file.tensors) {
      if (t.shape.size() < 2 && !t.name.ends_with("bn0.weight")) continue;
      for (int64_t& extent : t.shape) {
        INFO(name << ": " << t.name << " " << shape_text(t.shape));
        const int64_t own = std::exchange(extent, 3000);
        refused_in_passing(file);
        extent = own;
      }
    }
  }
  File file = saved("cnn14");  // nothing else in it tells how many mel bins there are
  file.remove("spectrogram_extractor.stft.conv_real.weight");
  file.remove("spectrogram_extractor.stft.conv_imag.weight");
  file.remove("logmel_extractor.melW");
  for (SavedTensor& t : file.tensors) {
    if (t.name.starts_with("bn0.") && t.shape.size() == 1) t.shape = {1 << 20}, t.values.resize(1 << 20);
  }
  refused_in_passing(file);
}

TEST_CASE("telling the net of a file takes time in proportion to its tensors") {
  for (const char* leaf : {".bias", ".kernel"}) {
    File file;
    for (int i = 0; i < 20'000; ++i) file.tensors.push_back({"dense_" + std::to_string(i) + leaf, "f32", {0}, {}});
    const std::clock_t start = std::clock();
    CHECK(code_of([&] { net_from_weights(file.view(), "f"); }) == static_cast<int>(ExitCode::weights));
    CHECK(std::clock() - start < 2 * CLOCKS_PER_SEC);
  }
}

TEST_CASE("a counter that is no count is refused") {
  const float bad[] = {-1, 3e9f, 0.5f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  for (const Shape& shape : {Shape{}, Shape{1}}) {  // some writers store [1]
    File file = saved("voice");
    SavedTensor& counter = file.at("conv_block2.bn1.num_batches_tracked");
    counter.shape = shape;
    for (float value : bad) {
      INFO(value);
      counter.values = {value};
      CHECK_THROWS_WITH(net_from_weights(file.view(), "f"),
                        Catch::Contains("f: conv_block2.bn1.num_batches_tracked has"));
    }
    counter.values = {600'000};
    const auto net = net_from_weights(file.view(), "f");
    for (const NamedTensor& t : net->buffers()) {
      if (t.name == "conv_block2.bn1.num_batches_tracked") CHECK(t.tensor->item() == 600'000);
    }
  }
}
