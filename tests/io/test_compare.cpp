// SPDX-License-Identifier: Apache-2.0
// Every clone checks its nets against PyTorch: tests/fixtures/cnn14_w32 comes from tools/make_reference.py.
#include <catch2/catch.hpp>

#include <cmath>

#include "data_folder.h"
#include "io/hdf5.h"
#include "io/weights.h"
#include "nets/compare.h"

using namespace limbic;

namespace {

const std::string fixture = LIMBIC_SOURCE_DIR "/tests/fixtures/cnn14_w32";

struct Loaded {
  std::vector<std::vector<float>> numbers;
  std::vector<FileTensor> tensors;

  std::vector<float>& at(const std::string& name) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].name == name) return numbers[i];
    }
    throw std::runtime_error("no " + name);
  }
};

Loaded load_reference(const std::string& path) {
  const H5File file = read_hdf5(path);
  Loaded l;
  for (const H5Tensor& t : file.tensors) l.numbers.push_back(t.floats());
  for (size_t i = 0; i < l.numbers.size(); ++i)
    l.tensors.push_back({file.tensors[i].name, file.tensors[i].shape, l.numbers[i]});
  return l;
}

std::unique_ptr<Net> load_net(const std::string& path) {
  const WeightFile file = read_weights(path);
  std::vector<FileTensor> tensors;
  for (const StoredTensor& t : file.tensors) tensors.push_back({t.name, t.shape, t.values});
  return net_from_weights(tensors, path);
}

void check_holds(const std::string& weights, const std::string& reference, size_t at_least) {
  INFO(weights << " against " << reference);
  auto net = load_net(weights);
  const CompareResult result = compare(*net, load_reference(reference).tensors, reference);
  INFO(result.first_failure << " " << result.checks.back().error);
  CHECK(result.ok);
  CHECK(result.checks.size() >= at_least);
}

}  // namespace

TEST_CASE("Cnn14 computes what PyTorch computes: inference and a training step") {
  check_holds(fixture + "/weights.h5", fixture + "/reference_eval.h5", 228);
  check_holds(fixture + "/weights.h5", fixture + "/reference_train.h5", 228);
}

TEST_CASE("compare stops at the first wrong number and names it") {
  const std::string path = fixture + "/reference_train.h5";
  Loaded reference = load_reference(path);
  reference.at("float64/act/block3")[7] += 0.01f;
  reference.at("float64/grad/fc1.bias")[0] += 1;
  auto net = load_net(fixture + "/weights.h5");
  CompareResult result = compare(*net, reference.tensors, path);
  CHECK_FALSE(result.ok);
  CHECK(result.first_failure == "float64/act/block3");
  CHECK(result.checks.back().name == "float64/act/block3");

  result = compare(*load_net(fixture + "/weights.h5"), reference.tensors, path, {.stop_at_first_failure = false});
  int failures = 0;
  for (const CompareCheck& c : result.checks) failures += !c.ok;
  CHECK(failures == 2);
}

TEST_CASE("compare: a ReLU on its other side within rounding passes, a wrong gradient does not") {
  auto net = make_net("sys2-audio-1d", {.classes = 7, .widths = {4, 8, 8}});
  net->train(false);
  // Filter 0 gives 1 * 1 - 1, exactly the ReLU's edge; an input one ulp larger opens it.
  for (const NamedTensor& p : net->parameters()) {
    if (p.name == "conv1d.kernel") std::fill_n(p.tensor->data(), 10, 0.0f), p.tensor->data()[0] = 1;
    if (p.name == "conv1d.bias") p.tensor->data()[0] = -1;
  }
  Tensor x = Tensor::from({1, 282, 1}, std::vector<float>(282, 1 + 2 * std::numeric_limits<float>::epsilon()));
  const std::vector<float> target{0, 0, 1, 0, 0, 0, 0}, ones(282, 1);
  backward(cross_entropy((*net)(x), Tensor::from({1, 7}, target)));
  std::vector<std::vector<float>> norms;
  std::vector<FileTensor> reference{{"input/x", {1, 282, 1}, ones}, {"input/target", {1, 7}, target}};
  for (const NamedTensor& p : net->parameters()) {
    double sum = 0;
    for (float v : p.tensor->grad().to_vector()) sum += static_cast<double>(v) * v;
    norms.push_back({static_cast<float>(std::sqrt(sum))});
  }
  size_t i = 0;
  for (const NamedTensor& p : net->parameters()) reference.push_back({"float64/grad_norm/" + p.name, {}, norms[i++]});
  norms[2][0] *= 1.002f;
  CHECK(compare(*net, reference, "r.h5", {.mode = CompareMode::eval}).first_failure == reference[4].name);
  norms[2][0] /= 1.002f;
  CHECK(compare(*net, reference, "r.h5", {.mode = CompareMode::eval}).ok);  // and steps, so it comes last
}

TEST_CASE("a reference of NaN or of zeros proves nothing and fails") {
  const std::string path = fixture + "/reference_eval.h5";
  Loaded reference = load_reference(path);
  for (float& v : reference.at("float64/act/pooled")) v = NAN;
  CHECK(compare(*load_net(fixture + "/weights.h5"), reference.tensors, path).first_failure == "float64/act/pooled");
  reference = load_reference(path);
  for (float& v : reference.at("float64/act/block2")) v = 0;
  CHECK(compare(*load_net(fixture + "/weights.h5"), reference.tensors, path).first_failure == "float64/act/block2");
}

TEST_CASE("a file that is no reference, or of another width, is code 4") {
  auto net = load_net(fixture + "/weights.h5");
  CHECK_THROWS_WITH(compare(*net, load_reference(fixture + "/weights.h5").tensors, "w.h5"),
                    Catch::Contains("float64/act/logmel"));
  Loaded reference = load_reference(fixture + "/reference_eval.h5");
  for (FileTensor& t : reference.tensors) {
    if (t.name == "float64/act/block1") t.values = t.values.subspan(1);
  }
  CHECK_THROWS_WITH(compare(*net, reference.tensors, "r.h5"), Catch::Contains("float64/act/block1"));
}

TEST_CASE("a reference tensor of a few numbers is compared, one of none is code 4") {
  const std::string path = fixture + "/reference_eval.h5";
  const auto cut = [&](const std::string& name, size_t count) {
    Loaded reference = load_reference(path);
    reference.at(name);  // it is there
    for (FileTensor& t : reference.tensors) {
      if (t.name == name) t.shape = {static_cast<int64_t>(count)}, t.values = t.values.first(count);
    }
    return compare(*load_net(fixture + "/weights.h5"), reference.tensors, "r.h5");
  };
  CHECK(cut("float64/grad_sample/conv_block5.conv1.weight", 1).ok);  // the first of the 257
  for (const char* name :
       {"float64/loss", "float64/act/block2", "float64/grad_sample/conv_block5.conv1.weight",
        "float64/grad_sum/fc1.weight", "float64/grad_norm/fc1.weight", "float64/act_grad_norm/block2",
        "float64/bn_after/bn0.running_mean", "float64/adam_delta_norm/fc1.weight"}) {
    INFO(name);
    CHECK_THROWS_WITH(cut(name, 0), Catch::Contains("r.h5: ") && Catch::Contains(name) && Catch::Contains("[0]"));
  }
}

TEST_CASE("a comparison that checked nothing does not hold, nor one whose gradient the net lacks") {
  const std::string path = fixture + "/reference_eval.h5";
  Loaded reference = load_reference(path);
  auto net = load_net(fixture + "/weights.h5");
  std::vector<FileTensor> bare;
  for (const FileTensor& t : reference.tensors) {
    if (t.name == "input/target" || t.name == "float64/act/logmel") bare.push_back(t);
  }
  REQUIRE(bare.size() == 2);
  CHECK_THROWS_WITH(compare(*net, bare, "bare.h5"), Catch::Contains("bare.h5: holds nothing"));

  const std::vector<float> one{1};
  for (const char* kind : {"grad", "grad_sample", "grad_sum", "grad_norm"}) {
    std::vector<FileTensor> more = reference.tensors;
    const std::string name = std::string("float64/") + kind + "/conv_block7.conv1.weight";
    more.push_back({name, {1}, one});
    const CompareResult result = compare(*load_net(fixture + "/weights.h5"), more, "r.h5");
    CHECK_FALSE(result.ok);
    CHECK(result.first_failure == name);
  }
}

TEST_CASE("the golden Cnn14 of width/16 holds from all its weight files") {
  const std::string golden = golden_file("cnn14_w16");
  if (golden.empty()) return;
  for (const char* weights : {"/weights.h5", "/legacy.pth", "/zip.pth"}) {
    check_holds(golden + weights, golden + "/reference_eval.h5", 229);
    check_holds(golden + weights, golden + "/reference_train.h5", 229);
  }
}
