// SPDX-License-Identifier: Apache-2.0
// `limbic data log-mel`, and training from its file, with and without the libraries that decode sound.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int lines(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

/// 16 clips of two synthetic actors as toy.logmel; caches of its own.
struct Toy : Scratch {
  Toy() {
    const Run made = command(
        "limbic data synth toy --actors 2 --voices-only --quiet && "
        "limbic data log-mel toy -o toy.logmel --quiet --json");
    INFO(made.err);
    REQUIRE(made.code == 0);
    about = Json::parse(made.out.substr(made.out.find('{')));
  }
  Run command(const std::string& line) const { return run("export XDG_CACHE_HOME=$PWD/cache\n" + line, 600); }
  std::string cv(const std::string& out, const std::string& more = "") const {
    return " cv '" LIMBIC_SOURCE_DIR "/nets/recipes/cnn14_folds.toml' --data toy.logmel --out " + out +
           " --set 'cv.folds=[\"1\",\"2\"]' --set net.widths=[2,2,2,2,2,2] --set train.epochs=2 --set train.batch=4"
           " --set input.crop_s=0.4 --quiet --embeddings " +
           more;
  }
  Json about;
};

}  // namespace

TEST_CASE("data log-mel writes a byte a value, refuses to replace, and names what it cannot take") {
  const Toy toy;
  CHECK((toy.about["schema"] == "limbic.data/1" && toy.about["clips"] == 16 && toy.about["mels"] == 64 &&
         toy.about["front_end"] == "panns-32k"));
  const auto values = toy.about["frames"].get<int64_t>() * 64;
  CHECK(static_cast<int64_t>(toy.read("toy.logmel").size()) == toy.about["bytes"]);
  CHECK(toy.about["bytes"].get<int64_t>() > values);
  CHECK(toy.about["bytes"].get<int64_t>() < values + 2000);
  const std::string before = toy.read("toy.logmel");
  CHECK(toy.command("limbic data log-mel toy -o toy.logmel").code == 2);
  CHECK(toy.command("limbic data log-mel toy -o toy.logmel --force").code == 0);
  CHECK(toy.read("toy.logmel") == before);
  CHECK(toy.command("limbic data log-mel toy").code == 2);
  const Run again = toy.command("limbic data log-mel toy.logmel -o other.logmel");
  CHECK((again.code == 2 && has(again.err, "found a log-mel file, expected clips with sound")));
}

TEST_CASE("a build without FFmpeg and HDF5 trains from log-mels to the bits of one with them") {
  const Toy toy;
  const Run with = toy.command("limbic" + toy.cv("with")),
            without = toy.command("limbic_without_io" + toy.cv("without"));
  INFO(with.err << without.err);
  REQUIRE((with.code == 0 && without.code == 0));
  CHECK(with.out == without.out);
  CHECK(lines(toy.read("with/posteriors.csv")) == 17);
  const std::string embeddings = toy.read("with/embeddings.csv");
  CHECK(lines(embeddings) == 17);
  CHECK(has(embeddings.substr(0, 60), "name,label,actor,fold,e0,e1"));
  for (const char* name : {"posteriors.csv", "embeddings.csv", "result.json", "fold-1/log.csv", "fold-1/recipe.toml"}) {
    INFO(name);
    CHECK(toy.read(std::string("with/") + name) == toy.read(std::string("without/") + name));
  }
  // Written there, read here: tensors, card, and the SHA-256 that the other implementation took of them.
  CHECK(toy.command("limbic weights diff with/fold-0/weights.h5 without/fold-0/weights.safetensors").code == 0);
  CHECK(toy.command("limbic weights verify without/fold-0/weights.safetensors").code == 0);
  const std::string eval = " eval --data toy.logmel --groups 1 --json --weights without/fold-0/weights.safetensors";
  const Run here = toy.command("limbic" + eval), there = toy.command("limbic_without_io" + eval);
  INFO(here.err << there.err);
  REQUIRE(here.code == 0);
  CHECK(here.out == there.out);
  CHECK(Json::parse(here.out)["clips"] == 8);

  SECTION("stopped and resumed it ends with the same bits") {
    const std::string train = "limbic_without_io train '" LIMBIC_SOURCE_DIR
                              "/nets/recipes/cnn14_folds.toml' --data toy.logmel --set split.train=1 --set "
                              "net.widths=[2,2,2,2,2,2] --set train.epochs=2 --set train.batch=3 --quiet --out ";
    REQUIRE(toy.command(train + "whole").code == 0);
    REQUIRE(toy.command(train + "halves --stop-after-steps 4").code == 0);
    CHECK(toy.read("halves/weights.safetensors").empty());
    REQUIRE(toy.command(train + "halves").code == 0);
    CHECK(!toy.read("whole/weights.safetensors").empty());
    CHECK(toy.read("halves/weights.safetensors") == toy.read("whole/weights.safetensors"));
    const Run other = toy.command("limbic" + train.substr(train.find(' ')) + "halves");
    CHECK((other.code == 2 && has(other.err, "a build without HDF5")));
  }
}

TEST_CASE("what a log-mel file cannot give is refused in one line") {
  const Toy toy;
  const auto refused = [&](const std::string& line, int code, const std::string& part) {
    const Run run = toy.command(line);
    INFO(line << "\n" << run.err);
    CHECK(run.code == code);
    CHECK(has(run.err, part));
    CHECK(lines(run.err) == 1);
  };
  refused("limbic" + toy.cv("a", "--set input.front_end=panns-16k --set net.name=cnn14-16k"), 2,
          "toy.logmel: found log-mels of panns-32k, expected panns-16k");
  refused("limbic" + toy.cv("a", "--set input.length_s=3.0"), 2, "log-mels of whole clips");
  refused("limbic" + toy.cv("a", "--set data.copies='[\"noise\"]'"), 2, "data.copies");
  refused("head -c 5000 toy.logmel >cut; limbic" + toy.cv("a", "--data cut"), 2, "--data");
  refused("head -c 5000 toy.logmel >toy.logmel.cut; mv toy.logmel.cut toy.logmel; limbic" + toy.cv("a"), 3,
          "toy.logmel: byte ");
  refused("limbic_without_io" + toy.cv("a").replace(toy.cv("a").find("toy.logmel"), 10, "toy"), 3,
          "expected a log-mel file: this build decodes nothing");
  refused("limbic_without_io eval --data toy --weights '" LIMBIC_SOURCE_DIR "/weights/voice.h5'", 4,
          "expected safetensors: this build reads nothing else");
  CHECK(toy.read("a/recipe.toml").empty());
}

TEST_CASE("gpu_train.sh trains in folds without a GPU too, goes on where it was stopped, and writes its card") {
  const Toy toy;
  const std::string train =
      "LIMBIC_PROGRAM='" LIMBIC_BUILD_DIR "/limbic_without_io' '" LIMBIC_SOURCE_DIR "/tools/gpu_train.sh' toy.logmel ";
  const std::string small =
      " --set 'cv.folds=[\"1\",\"2\"]' --set net.widths=[2,2,2,2,2,2] --set train.epochs=1"
      " --set train.batch=8 --set input.crop_s=0.35 --quiet --device ";
  for (const std::string device : {"cpu", "emu"}) {
    const int folds = device == "cpu" ? 2 : 1;
    const Run run = toy.command(train + device + small + device + " --first-folds " + std::to_string(folds));
    INFO(device << "\n" << run.err);
    REQUIRE(run.code == 0);
    const std::string precision = device == "cpu" ? "f32" : "bf16";
    CHECK(has(run.err, "gpu_train: " + device + ", precision " + precision));
    const std::string card = toy.read(device + "/card.md");
    INFO(card);
    CHECK(has(card, "| device | " + device));
    CHECK(has(card, "| precision | " + precision));
    CHECK(Json::parse(toy.read(device + "/result.json"))["precision"] == precision);
    CHECK(has(toy.read(device + "/fold-0/recipe.toml"), "precision = '" + precision + "'"));
    CHECK(has(card, "all folds pooled: accuracy "));
    CHECK(Json::parse(toy.read(device + "/result.json"))["pooled"]["clips"] == 8 * folds);
    CHECK(lines(toy.read(device + "/posteriors.csv")) == 8 * folds + 1);
    CHECK(lines(toy.read(device + "/embeddings.csv")) == 8 * folds + 1);
  }
  const std::string whole = toy.read("cpu/embeddings.csv");
  // A fold is missing: the same command trains that one only.
  REQUIRE(toy.command("mkdir part; cp -r cpu/fold-0 part/; " + train + "part" + small + "cpu").code == 0);
  CHECK(toy.read("part/embeddings.csv") == whole);
  // A signal ends it with a checkpoint, and it ends its child.
  const Run stopped = toy.command(train + "long" + small +
                                  "cpu --set train.epochs=100000 & for i in $(seq 600); do "
                                  "[ -s long/fold-0/log.csv ] && break; sleep 0.1; done; kill -TERM $!; wait $!");
  INFO(stopped.err);
  CHECK(stopped.code == 143);
  CHECK(!toy.read("long/fold-0/checkpoint.safetensors").empty());
  CHECK(toy.read("long/card.md").empty());
  CHECK(toy.command(train + "none" + small + "cuda").code == 6);
  CHECK(toy.command(train.substr(0, train.size() - 11) + "missing").code == 3);
}
