// SPDX-License-Identifier: Apache-2.0
// --device, from the command line: the CUDA kernels on the emulator give the CPU's answers, and a device that is not
// there is told in one line. Training on the emulator stands in test_train.cpp.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/hdf5.h"
#include "kernels/gpu_runtime.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";
const std::string narrow = LIMBIC_SOURCE_DIR "/tests/fixtures/cnn14_w32/";

Json answer(const Scratch& scratch, const std::string& command, const std::string& device) {
  const Run run = scratch.run("limbic " + command + " --json --device " + device, 600);
  INFO(command << " on " << device << ": " << run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

/// Numbers agree within 1e-3, everything else is the same.
void check_same(const Json& cpu, const Json& emu, const std::string& where) {
  INFO(where);
  if (cpu.is_number() && emu.is_number()) {
    CHECK(std::fabs(cpu.get<double>() - emu.get<double>()) <= 1e-3);
  } else if (cpu.is_structured()) {
    REQUIRE(cpu.size() == emu.size());
    for (const auto& [key, value] : cpu.items())
      check_same(value, cpu.is_array() ? emu[std::stoul(key)] : emu.at(key), where + "/" + key);
  } else {
    CHECK(cpu == emu);
  }
}

}  // namespace

TEST_CASE("tag and embed answer on the emulator as on the CPU") {
  const Scratch scratch;
  const std::string weights = " --front-end panns-32k --weights '" + narrow + "weights.h5' ";
  const std::string tag = "tag --top 3" + weights + "'" + demo + "'";
  check_same(answer(scratch, tag, "cpu"), answer(scratch, tag, "emu"), "tag");
  std::vector<float> of_device[2];
  for (const int i : {0, 1}) {
    const std::string device = i ? "emu" : "cpu";
    const Run run =
        scratch.run("limbic embed" + weights + "'" + demo + "' -o " + device + ".h5 --device " + device, 600);
    INFO(run.err);
    REQUIRE(run.code == 0);
    of_device[i] = limbic::read_hdf5((scratch.folder() / (device + ".h5")).string()).find("embedding")->floats();
  }
  REQUIRE(of_device[0].size() == of_device[1].size());
  for (size_t i = 0; i < of_device[0].size(); ++i) CHECK(std::fabs(of_device[0][i] - of_device[1][i]) <= 1e-4f);
}

TEST_CASE("--precision bf16 answers on the CPU and the emulator nearly as f32 does, and says so") {
  const Scratch scratch;
  const std::string tag = "tag --top 3 --front-end panns-32k --weights '" + narrow + "weights.h5' '" + demo + "'";
  for (const char* device : {"cpu", "emu"}) {
    INFO(device);
    const Json wide = answer(scratch, tag, device), rounded = answer(scratch, tag + " --precision bf16", device);
    CHECK(!wide.contains("precision"));
    CHECK(rounded["precision"] == "bf16");
    const Json &expected = wide["results"][0]["tags"], &found = rounded["results"][0]["tags"];
    REQUIRE(found.size() == expected.size());
    bool same = true;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double p = expected[i]["probability"], q = found[i]["probability"];
      CHECK(std::fabs(p - q) <= 0.03);  // 43 roundings of 2^-8 each (tests/nets/test_devices.cpp)
      same = same && p == q;
    }
    CHECK(!same);
  }
}

TEST_CASE("--precision bf16 on the CPU is named in text, in JSON and in each line of JSON; an SVG stays one") {
  const Scratch scratch;
  const std::string predict = "limbic predict '" + demo + "' --precision bf16";
  const Run text = scratch.run(predict), json = scratch.run(predict + " --json"),
            lines = scratch.run(predict + " --jsonl");
  for (const Run& run : {text, json, lines}) {
    INFO(run.err);
    CHECK(run.code == 0);
  }
  CHECK(text.out.ends_with("\nprecision: bf16\n"));
  CHECK(Json::parse(json.out)["precision"] == "bf16");
  CHECK(Json::parse(lines.out)["precision"] == "bf16");
  CHECK(scratch.run("limbic predict '" + demo + "'").out.find("precision") == std::string::npos);
  const Run graph =
      scratch.run("limbic graph cnn14 --widths 2,4,8,8,16,16 --frames 48 --device emu --precision bf16", 300);
  CHECK(graph.out.ends_with("</svg>\n"));
  // A file says it too; what ran no net in bf16 does not.
  const Run embed = scratch.run("limbic embed --front-end panns-32k --weights '" + narrow + "weights.h5' '" + demo +
                                "' -o e.h5 --precision bf16");
  INFO(embed.err);
  REQUIRE(embed.code == 0);
  CHECK(limbic::read_hdf5((scratch.folder() / "e.h5").string()).attributes.at("precision") == "bf16");
  const Run report = scratch.run("limbic report '" + demo + "' -o r.html --precision bf16", 300);
  INFO(report.err);
  REQUIRE(report.code == 0);
  CHECK(scratch.read("r.html").find("maps were stored in bf16") != std::string::npos);
  CHECK(scratch.run("limbic kernels list --precision bf16").out.find("precision:") == std::string::npos);
}

TEST_CASE("training in bf16 on the CPU is refused in one line, with exit code 2, by option, setting and recipe") {
  const Scratch scratch;
  std::ofstream(scratch.folder() / "r.toml") << "[net]\nname = \"cnn14\"\n[train]\nprecision = \"bf16\"\n";
  std::ofstream(scratch.folder() / "f32.toml") << "[net]\nname = \"cnn14\"\n";
  const char* const refusal =
      "limbic: train.precision: found bf16 on device cpu, which trains in f32; expected f32, or device cuda or emu\n";
  for (const char* command : {"train r.toml --data d --out o", "cv r.toml --data d --out o",
                              "train f32.toml --data d --out o --precision bf16",
                              "train f32.toml --data d --out o --set train.precision=bf16"}) {
    const Run run = scratch.run(std::string("limbic ") + command);
    INFO(command << ": " << run.out << run.err);
    CHECK(run.code == 2);
    CHECK(run.err == refusal);
  }
  const Run compared = scratch.run("limbic compare --net cnn14 --weights '" + narrow + "weights.h5' --reference '" +
                                    narrow + "reference_train.h5' --precision bf16");
  const Run taped = scratch.run("limbic graph cnn14 --tape --precision bf16");
  INFO(compared.out << compared.err << taped.err);
  CHECK((compared.code == 2 && taped.code == 2));
  CHECK(compared.err == "limbic: compare: found precision bf16, expected f32: that is what its tolerances are for\n");
  CHECK(taped.err.starts_with("limbic: graph --tape: found precision bf16 on device cpu, which trains in f32; "));
}

TEST_CASE("predict hears the shipped clip on the emulator as on the CPU") {
  const Scratch scratch;
  const std::string predict = "predict '" + demo + "'";
  check_same(answer(scratch, predict, "cpu")["results"], answer(scratch, predict, "emu")["results"], "predict");
}

TEST_CASE("compare holds on the emulator, a training step and its gradients too") {
  const Scratch scratch;
  for (const char* reference : {"reference_eval.h5", "reference_train.h5"}) {
    const Json result = answer(
        scratch, "compare --net cnn14 --weights '" + narrow + "weights.h5' --reference '" + narrow + reference + "'",
        "emu");
    CHECK(result["ok"] == true);
    CHECK(result["checks"].size() > 10);
  }
}

TEST_CASE("--device cuda without a driver is one line and exit code 6, for every verb") {
  if (const limbic::GpuRuntime* const cuda = limbic::gpu_runtime(limbic::Device::cuda);
      cuda && !cuda->what_is_missing()) {
    WARN("skipped: a CUDA device is here");
    return;
  }
  const Scratch scratch;
  for (const char* command :
       {"predict x.wav", "tag x.wav --weights w.h5", "embed x.wav --weights w.h5 -o y.h5",
        "train r.toml --data d --out o", "eval --weights w.h5 --data d", "cv r.toml --data d --out o",
        "compare --weights w.h5 --reference r.h5", "graph cnn14", "bench net --alone", "report x.mp4 -o r.html",
        "bench clip x.mp4", "kernels run softmax v1_naive --shape rows=2,C=3"}) {
    const Run run = scratch.run(std::string("limbic ") + command + " --device cuda");
    INFO(command << ": " << run.out << run.err);
    CHECK(run.code == 6);
    CHECK(run.err.starts_with("limbic: device cuda: missing: "));
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(run.out.empty());
  }
}

TEST_CASE("cuDNN and cuBLAS without a GPU are one line and exit code 6, what is misspelt is exit code 2") {
  if (const limbic::GpuRuntime* const cuda = limbic::gpu_runtime(limbic::Device::cuda);
      cuda && !cuda->what_is_missing())
    return;
  const Scratch scratch;
  for (const char* command : {"bench kernels", "bench kernels conv2d --problem cnn14-2 --shape N=8 --vs cudnn",
                              "bench kernels conv2d --storage bf16 --vs cudnn", "bench kernels --seconds 60",
                              "bench net --alone --kernels vendor", "bench net --alone --kernel conv2d=cudnn",
                              "graph cnn14 --kernel matmul=cublas_tf32", "kernels run conv2d cudnn --shape cnn14-2"}) {
    const Run run = scratch.run(std::string("limbic ") + command);
    INFO(command << ": " << run.out << run.err);
    CHECK(run.code == 6);
    CHECK(run.err.find("missing: ") != std::string::npos);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(run.out.empty());
  }
  for (const char* command :
       {"bench kernels convolution", "bench kernels conv2d --problem cnn15", "bench kernels --problem cnn14-2",
        "bench kernels --vs torch", "bench kernels --seconds -1", "bench kernels softmax --storage bf16",
        "bench kernels --storage f16", "bench net --alone --kernels ours"}) {
    const Run run = scratch.run(std::string("limbic ") + command);
    INFO(command << ": " << run.out << run.err);
    CHECK(run.code == 2);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  }
}

TEST_CASE("doctor names every device, and what cuda is missing") {
  const Scratch scratch;
  const Run run = scratch.run("limbic doctor --json");
  REQUIRE(run.code == 0);
  std::string devices;
  const Json doctor = Json::parse(run.out);
  for (const Json& check : doctor["checks"]) {
    for (const char* device : {"cpu", "emu", "cuda"}) {
      if (check["name"] != device) continue;
      devices += std::string(device) + " ";
      CHECK(!check["detail"].get<std::string>().empty());
      if (std::string(device) != "cuda") CHECK(check["status"] == "ok");
    }
  }
  CHECK(devices == "cpu emu cuda ");
}
