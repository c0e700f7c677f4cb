// SPDX-License-Identifier: Apache-2.0
// What the training verbs say where a net, a clip or a folder is at fault, and what is left when they say it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "io/weights.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Four tones of a second by each of three speakers, and a recipe for a tiny net.
class Tones : public Scratch {
 public:
  Tones() {
    int clips = 0;
    std::string sources, outputs, manifest = "path,label,group\n";
    for (int speaker = 1; speaker <= 3; ++speaker) {
      for (const char label : {'a', 'b', 'c', 'd'}) {
        const std::string clip = std::to_string(speaker) + label + ".wav";
        sources += source(200 * (label - '`') + 10 * speaker, "1");
        outputs += " -map " + std::to_string(clips++) + " data/" + clip;
        manifest += clip + "," + label + "," + std::to_string(speaker) + "\n";
      }
    }
    REQUIRE(run("mkdir data && ffmpeg -v error" + sources + outputs).code == 0);
    write("data/manifest.csv", manifest);
    write("recipe.toml",
          "[net]\nname = \"voice\"\nwidths = [4, 4, 4, 4]\n[input]\nfront_end = \"voice-16k\"\n"
          "[split]\ntrain = \"1\"\nvalidation = \"2\"\ntest = \"3\"\n[train]\nepochs = 1\nbatch = 2\nlr = 0.01\n"
          "[cv]\nfolds = [\"1\", \"2\", \"3\"]\n");
  }

  static std::string source(int hertz, const std::string& seconds) {
    return " -f lavfi -i sine=frequency=" + std::to_string(hertz) + ":sample_rate=16000:duration=" + seconds;
  }
  static std::string tone(int hertz, const std::string& seconds, const std::string& clip) {
    return "ffmpeg -y -v error" + source(hertz, seconds) + " data/" + clip;
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder() / name) << text; }

  /// `limbic ARGUMENTS`, with a cache of its own; the verbs that train add recipe and data.
  Run limbic(const std::string& arguments) const {
    return run("export XDG_CACHE_HOME=$PWD/cache; limbic " + arguments);
  }
  Run train(const std::string& out, const std::string& more = "") const {
    return limbic("train recipe.toml --data data --out " + out + " " + more);
  }

  /// weights.h5 of a run, changed.
  void spoil(const std::string& from, const std::string& to,
             const std::function<void(limbic::WeightFile&)>& change) const {
    limbic::WeightFile file = limbic::read_weights(folder() / from);
    change(file);
    limbic::write_weights_hdf5(folder() / to, file, true);
  }
};

void fill(limbic::WeightFile& file, const std::string& name, float value) {
  for (auto& t : file.tensors) {
    if (t.name == name) std::fill(t.values.begin(), t.values.end(), value);
  }
}

// One line on stderr that holds all of `words`.
void check_refused(const Run& run, int code, const std::vector<std::string>& words) {
  INFO(run.out << run.err);
  CHECK(run.code == code);
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  for (const auto& word : words) CHECK_THAT(run.err, Catch::Contains(word));
}

}  // namespace

TEST_CASE("a net that answers NaN is refused by eval, train and cv, in one line that names it") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  place.spoil("run/weights.h5", "bad.h5", [](auto& file) { fill(file, "conv_block2.bn1.running_var", -1); });
  check_refused(place.limbic("eval --quiet --weights bad.h5 --data data"), 4, {"bad.h5: ", "nan"});
  check_refused(place.limbic("eval --quiet --weights bad.h5 --data data --reliability sure.svg"), 4,
                {"bad.h5: ", "nan"});
  CHECK(!fs::exists(place.folder() / "sure.svg"));
  check_refused(place.train("tuned", "--quiet --from bad.h5"), 4, {"tuned: ", "nan"});
  check_refused(place.limbic("cv recipe.toml --data data --out folds --quiet --set split.validation= --from bad.h5"), 4,
                {"folds/fold-0: ", "nan"});
}

TEST_CASE("of classes that are equally probable, the first three are the best three") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  place.spoil("run/weights.h5", "level.h5", [](auto& file) { fill(file, "fc.weight", 0), fill(file, "fc.bias", 0); });
  const Run eval = place.limbic("eval --json --weights level.h5 --data data");
  INFO(eval.err);
  REQUIRE(eval.code == 0);
  CHECK(Json::parse(eval.out)["top3"] == 0.75);
}

TEST_CASE("a clip that the net cannot take is named before the first step, whichever side it is on") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  for (const auto& [seconds, found] :
       {std::pair{"0.1", "found 7 frames (0.11 s), voice wants at least 8 frames (0.12 s)"},
        std::pair{"0.02", "320 samples at 16000 Hz, wants at least 513"}}) {
    for (const std::string clip : {"1c.wav", "2c.wav", "3c.wav"}) {
      INFO(clip << " of " << seconds << " s");
      REQUIRE(place.run("cp data/" + clip + " whole.wav && " + Tones::tone(500, seconds, clip)).code == 0);
      check_refused(place.train("short", "--quiet"), 3, {clip, found});
      CHECK(!fs::exists(place.folder() / "short"));
      check_refused(place.limbic("eval --quiet --data data --weights run/weights.h5"), 3, {clip, found});
      REQUIRE(place.run("mv whole.wav data/" + clip).code == 0);
    }
  }
}

TEST_CASE("weights are saved before the test is read") {
  const Tones place;
  // Held while the test clip goes.
  const Run run = place.run(
      "export XDG_CACHE_HOME=$PWD/cache; limbic train recipe.toml --data data --out run --quiet --set train.epochs=40 "
      "& pid=$!\n"
      "until grep -qs ^1, run/log.csv; do sleep 0.002; done; kill -STOP $pid; rm data/3c.wav; tail -1 run/log.csv; "
      "kill -CONT $pid; wait $pid");
  INFO(run.out << run.err);
  REQUIRE(std::stoi(run.out) < 40);
  CHECK(run.code == 3);
  CHECK_THAT(run.err, Catch::Contains("3c.wav"));
  const auto weights = place.folder() / "run/weights.h5";
  REQUIRE(fs::exists(weights));
  CHECK(limbic::read_weights(weights).card.metrics.empty());
  // With the clip back, the same command only reads the test.
  REQUIRE(place.run(Tones::tone(630, "1", "3c.wav")).code == 0);
  REQUIRE(place.train("run", "--set train.epochs=40").code == 0);
  CHECK_THAT(limbic::read_weights(weights).card.metrics, Catch::Contains("read once after training"));
}

TEST_CASE("a grid that is killed goes on, also over a checkpoint that was cut short") {
  const Tones place;
  std::string recipe = place.read("recipe.toml");
  place.write("recipe.toml", recipe + "[grid]\ntrain.lr = [0.001, 0.01]\n");
  const std::string epochs = "--set train.epochs=12";
  REQUIRE(place.train("whole", epochs).code == 0);
  const std::string weights = place.read("whole/weights.h5"), result = place.read("whole/result.json");

  SECTION("killed in its second point") {
    const Run killed = place.run(
        "export XDG_CACHE_HOME=$PWD/cache; limbic train recipe.toml --data data --out cut --quiet " + epochs +
        " & pid=$!\nuntil grep -qs ^1, cut/grid/1/log.csv; do sleep 0.002; done; kill -KILL $pid; wait $pid; echo $?");
    CHECK(killed.out == "137\n");
    CHECK(!fs::exists(place.folder() / "cut/weights.h5"));
    REQUIRE(place.train("cut", epochs).code == 0);
  }
  SECTION("killed while the winner's checkpoint was copied, or after it") {
    fs::copy(place.folder() / "whole", place.folder() / "cut", fs::copy_options::recursive);
    fs::resize_file(place.folder() / "cut/checkpoint.h5", 1000);
    for (const char* later : {"weights.h5", "result.json"}) fs::remove(place.folder() / "cut" / later);
    const Run again = place.train("cut", epochs);
    INFO(again.err);
    REQUIRE(again.code == 0);
  }
  CHECK(place.read("cut/weights.h5") == weights);
  CHECK(place.read("cut/result.json") == result);
  CHECK(place.read("cut/checkpoint.h5") == place.read("whole/checkpoint.h5"));
}

TEST_CASE("a grid leaves the checkpoint of another run alone") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  const std::string checkpoint = place.read("run/checkpoint.h5");
  place.write("recipe.toml", place.read("recipe.toml") + "[grid]\ntrain.lr = [0.001]\n");
  check_refused(place.train("run", "--quiet"), 2, {"another recipe"});
  CHECK(place.read("run/checkpoint.h5") == checkpoint);
}

TEST_CASE("weights whose card does not fit their net are refused when they are read") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  const auto refused = [&](const std::vector<std::string>& words,
                           const std::function<void(limbic::WeightFile&)>& change) {
    place.spoil("run/weights.h5", "bad.h5", change);
    auto all = words;
    all.push_back("bad.h5: ");
    check_refused(place.limbic("eval --quiet --weights bad.h5 --data data"), 4, all);
  };
  const auto window = [](limbic::WeightFile& file, const char* seconds) {
    file.card.attributes["window_length_s"] = seconds;
  };
  const auto scaler = [](limbic::WeightFile& file, size_t frames) {
    for (const char* name : {"scaler.mean", "scaler.scale"}) {
      file.tensors.push_back({name, "f32", {static_cast<int64_t>(frames)}, std::vector<float>(frames, 1), {}});
    }
  };
  refused({"window_length_s", "found 0 frames", "wants at least 8"}, [&](auto& file) { window(file, "0.02"); });
  refused({"window_length_s", "found 7 frames", "wants at least 8"}, [&](auto& file) { window(file, "0.1"); });
  refused({"window_length_s", "found 65 frames", "scaler", "282"},
          [&](auto& file) { window(file, "1"), scaler(file, 282); });
  refused({"window_length_s", "scaler", "65"}, [&](auto& file) { scaler(file, 65); });
  refused({"4 classes", "2 labels"}, [](auto& file) { file.card.labels.resize(2); });
  place.spoil("run/weights.h5", "good.h5", [&](auto& file) { window(file, "1"), scaler(file, 65); });
  CHECK(place.limbic("eval --weights good.h5 --data data").code == 0);
}

TEST_CASE("a clip that ends before the window begins is named, not guessed about") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  place.spoil("run/weights.h5", "late.h5", [](auto& file) {
    file.card.attributes["window_offset_s"] = "0.5";
    file.card.attributes["window_length_s"] = "3";
    file.card.labels = {"calm", "happy", "sad", "angry"};
  });
  REQUIRE(place
              .run(Tones::tone(500, "0.4", "2c.wav") +
                   " && sed -i 's/,a,/,calm,/; s/,b,/,happy,/; s/,c,/,sad,/; s/,d,/,angry,/' data/manifest.csv")
              .code == 0);
  check_refused(place.limbic("predict --weights late.h5 data/2c.wav"), 3,
                {"data/2c.wav: found 0.40 s", "at least 0.81 s"});
  CHECK(place.limbic("predict --weights late.h5 data/1c.wav").code == 0);
  check_refused(place.limbic("eval --quiet --weights late.h5 --data data"), 3, {"2c.wav: ", "0.40 s", "0.5 s"});
  check_refused(place.train("late", "--quiet --set input.offset_s=0.5 --set input.length_s=3"), 3,
                {"2c.wav: ", "0.40 s", "0.5 s"});
  CHECK(!fs::exists(place.folder() / "late"));
}

TEST_CASE("a number of a recipe that is out of its range is told with key, value and range") {
  const Tones place;
  // The recipe is read before the data, which is not there.
  const auto with = [&](const std::string& set) {
    return place.limbic("train recipe.toml --data nowhere --out x --set " + set);
  };
  for (const auto& [key, low, high] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"seed", "-1", ""},
           {"net.kernel", "[3,0]", "[3,32]"},
           {"net.widths", "[0]", "[4294967300]"},
           {"net.dropout", "", "1.0"},
           {"net.block_dropout", "", "1.0"},
           {"input.offset_s", "-0.1", "601"},
           {"input.length_s", "-1", "1e300"},
           {"input.crop_s", "-1", "1e9"},
           {"train.epochs", "0", "9223372036854775807"},
           {"train.batch", "0", "9223372036854775807"},
           {"train.micro_batch", "-1", "9223372036854775807"},
           {"train.lr", "-0.1", "1001"},
           {"train.weight_decay", "-0.1", "1001"},
           {"train.momentum", "-0.1", "5"},
           {"train.warmup_epochs", "-1", "1e300"},
           {"train.lr_floor", "-0.1", "1001"},
           {"train.step_epochs", "0", "1e300"},
           {"train.step_factor", "-0.1", "2"},
           {"train.clip_norm", "-0.1", "1e300"},
           {"train.label_smoothing", "-0.1", "1.0"},
           {"train.patience", "-1", "9223372036854775807"},
           {"l2.kernel", "-0.1", "1001"},
           {"l2.bias", "-0.1", "1001"},
           {"augment.time_stripes", "-1", "100000000000"},
           {"augment.time_width", "0", "9223372036854775807"},
           {"augment.mel_stripes", "-1", "100000000000"},
           {"augment.mel_width", "0", "9223372036854775807"},
           {"augment.gain_db", "-1", "101"},
           {"augment.mel_shift", "-1", "9223372036854775807"},
           {"augment.stretch", "-0.1", "0.6"},
           {"augment.flip", "-0.1", "1.1"},
           {"augment.move", "-0.1", "0.6"},
           {"augment.turn", "-1", "46"},
           {"augment.zoom", "-0.1", "0.6"},
           {"augment.cutout", "-0.1", "1.1"},
           {"augment.mixup", "-1", "1e300"},
           {"augment.mixup_share", "-0.1", "1.1"}}) {
    for (const std::string& value : {low, high}) {
      if (!value.empty())
        check_refused(with(key + "=" + value), 2,
                      {"--set " + key + "=" + value + ": " + key + " is ", "; expected ", " to "});
    }
  }
  check_refused(with("train.batch=65537"), 2, {"train.batch is 65537; expected 1 to 65536"});
  check_refused(with("input.scaler=columns"), 2, {"input.scaler", "input.length_s"});
  check_refused(with("net.name=cnn99"), 2, {"net.name is \"cnn99\"", "did you mean cnn14?"});
  check_refused(place.train("x", "--set input.length_s=0.1"), 2,
                {"input.length_s is 0.1: found 7 frames", "at least 8"});
  place.write("recipe.toml",
              place.read("recipe.toml") + "[augment]\nmixup = 2.0\n[grid]\naugment.mixup = [1.0, -1.0]\n");
  check_refused(with("seed=1"), 2, {"recipe.toml, line 19: augment.mixup is -1; expected 0 to 1000"});
}

TEST_CASE("a folder of a run that cannot be made is told before any clip is decoded") {
  const Tones place;
  place.write("data/1a.wav", "not sound");
  place.write("taken", "a file");
  check_refused(place.train("taken"), 2, {"--out taken: found a file, "});
  check_refused(place.train("taken/run"), 2, {"--out taken/run: found a file, "});
  check_refused(place.limbic("cv recipe.toml --data data --set split.validation= --out taken"), 2,
                {"--out taken/fold-0: found a file, "});
  check_refused(place.train("free", "--quiet"), 3, {"1a.wav"});
}

TEST_CASE("an empty recipe, an empty manifest and sound in a manifest's place are called what they are") {
  const Tones place;
  place.write("empty.toml", "");
  place.write("empty.csv", "");
  check_refused(place.limbic("train empty.toml --data data --out x"), 2, {"nothing to train on"});
  check_refused(place.limbic("train data --data data --out x"), 2, {"data: cannot be read"});
  check_refused(place.limbic("train recipe.toml --data empty.csv --out x"), 3, {"empty.csv: ", "found an empty file"});
  check_refused(place.limbic("train recipe.toml --data data/1a.wav --out x"), 3,
                {"1a.wav: found a NUL byte, expected CSV"});
}

TEST_CASE("eval's table has no recall of a class without clips, and its complaint no groups that nobody named") {
  const Tones place;
  REQUIRE(place.train("run").code == 0);
  REQUIRE(place.run("sed -i /,d,/d data/manifest.csv").code == 0);
  const Run eval = place.limbic("eval --weights run/weights.h5 --data data");
  INFO(eval.out << eval.err);
  REQUIRE(eval.code == 0);
  CHECK_THAT(eval.out, Catch::Contains("\nd           -  ") && !Catch::Contains("nan"));
  REQUIRE(place.run("sed -i 's/,[abc],/,other,/' data/manifest.csv").code == 0);
  check_refused(place.limbic("eval --weights run/weights.h5 --data data"), 2,
                {"data: no clip has a label of run/weights.h5"});
}
