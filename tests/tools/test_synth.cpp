// SPDX-License-Identifier: Apache-2.0
// The toy set of `limbic data synth`: that it is the same every time, that nets can be trained on it, and that its
// faces are faces; with them, films of several faces and of a face that leaves.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/tools/face_weights.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

void run_ok(const Scratch& scratch, const std::string& command, int limit_s = 120) {
  const Run run = scratch.run(command, limit_s);
  INFO(command << "\n" << run.err);
  REQUIRE(run.code == 0);
}

Json predicted(const Scratch& scratch, const std::string& arguments) {
  const Run run = scratch.run("limbic predict --json --face-weights face.h5 " + arguments, 120);
  INFO(arguments << "\n" << run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out)["results"][0];
}

}  // namespace

TEST_CASE("the toy set has RAVDESS's names, and the same bytes every time") {
  const Scratch scratch;
  run_ok(scratch,
         "limbic data synth one --actors 1 && limbic data synth again --actors 1 --threads 2 --quiet && limbic data "
         "synth other --actors 1 --seed 2");
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.folder() / "one")) {
    if (!entry.is_regular_file()) continue;
    const std::string name = std::filesystem::relative(entry.path(), scratch.folder() / "one").string();
    INFO(name);
    CHECK(scratch.read("one/" + name) == scratch.read("again/" + name));
    if (name != "faces.csv") CHECK(scratch.read("one/" + name) != scratch.read("other/" + name));
    ++files;
  }
  CHECK(files == 8 * 2 + 3);
  CHECK(std::filesystem::exists(scratch.folder() / "one/Actor_01/03-01-08-01-01-01-01.wav"));
  const Run full = scratch.run("limbic data synth one --actors 1");
  CHECK(full.code == 2);
  CHECK(full.err.find("exists and is not empty") != std::string::npos);
  const Json forced = Json::parse(scratch.run("limbic data synth one --actors 1 --voices-only --force --json").out);
  CHECK(forced["schema"] == "limbic.data/1");
  CHECK(forced["clips"] == 8);
}

/// The run's column train_loss has fallen from the first to the last of so many epochs.
void check_learned(const Scratch& scratch, const std::string& run, size_t epochs) {
  std::ifstream log(scratch.folder() / (run + "/log.csv"));
  std::vector<double> losses;
  std::string line, field;
  std::getline(log, line);
  std::vector<std::string> header;
  for (std::stringstream fields(line); std::getline(fields, field, ',');) header.push_back(field);
  const auto column = std::find(header.begin(), header.end(), "train_loss") - header.begin();
  REQUIRE(column < static_cast<int64_t>(header.size()));
  while (std::getline(log, line)) {
    std::stringstream fields(line);
    for (int64_t i = 0; i <= column; ++i) std::getline(fields, field, ',');
    losses.push_back(std::stod(field));
  }
  REQUIRE(losses.size() == epochs);
  CHECK(losses.back() < losses.front());
}

TEST_CASE("a voice net and a face net learn from a small part of the toy set") {
  const Scratch scratch;
  run_ok(scratch, "limbic data synth toy --actors 3");
  std::ofstream(scratch.folder() / "voice.toml")
      << "seed = 1\n[net]\nname = \"voice\"\nwidths = [8, 8, 16, 16]\n[input]\nfront_end = \"voice-16k\"\n"
         "crop_s = 1.2\n[split]\ntrain = \"1-2\"\nvalidation = \"3\"\n[train]\nepochs = 6\nbatch = 4\nlr = 0.005\n";
  const Run voice = scratch.run("XDG_CACHE_HOME=$PWD/cache limbic train voice.toml --data toy --out voice --json", 300);
  INFO(voice.err);
  REQUIRE(voice.code == 0);
  CHECK(Json::parse(voice.out)["train_clips"] == 16);
  check_learned(scratch, "voice", 6);

  std::ofstream(scratch.folder() / "face.toml") << "seed = 1\n[net]\nname = \"no-stn\"\n[input]\nfront_end = "
                                                   "\"grey-48\"\n[train]\nepochs = 4\nbatch = 16\nlr = 0.003\n";
  const Run face = scratch.run("limbic train face.toml --data toy/faces.csv --out face --json", 300);
  INFO(face.err);
  REQUIRE(face.code == 0);
  CHECK(Json::parse(face.out)["train_clips"] == 32);
  check_learned(scratch, "face", 4);
  CHECK(scratch.run("limbic predict --face-weights face/weights.h5 toy/Actor_03/01-01-03-01-01-01-03.avi").code == 0);
}

TEST_CASE("predict finds the toy faces: one, two side by side, and one that leaves") {
  const Scratch scratch;
  limbic_test::write_untrained(scratch.folder() / "face.h5", "no-stn", "grey-48");
  run_ok(scratch, "limbic data synth toy --actors 4");
  const std::string one = "toy/Actor_02/01-01-02-01-01-01-02.avi", other = "toy/Actor_04/01-01-01-01-01-01-04.avi";
  const Json alone = predicted(scratch, one);
  CHECK(alone["streams"]["face"]["coverage"].get<double>() >= 0.9);
  CHECK(alone["fusion"]["streams"] == Json::array({"voice", "face"}));
  CHECK_FALSE(alone["streams"]["face"].contains("tracks"));
  // Followed as it is, and as one of all: the same face.
  const Json followed = predicted(scratch, "--face all " + one);
  REQUIRE(followed["streams"]["face"]["tracks"].size() == 1);
  CHECK(followed["streams"]["face"]["frames"] == alone["streams"]["face"]["frames"]);
  CHECK(followed["probabilities"] == alone["probabilities"]);
  CHECK(followed["streams"]["face"]["tracks"][0]["probabilities"] == alone["streams"]["face"]["probabilities"]);

  // A second, smaller person to the right.
  run_ok(scratch, "ffmpeg -v error -i " + one + " -i " + other +
                      " -filter_complex \"[1:v]scale=180:135,pad=240:180:30:20:white[b];[0:v][b]hstack=shortest=1\" "
                      "-map 0:a -c:v libx264 -qp 12 -pix_fmt yuv420p two.mp4");
  const Json two = predicted(scratch, "--face all two.mp4")["streams"]["face"];
  REQUIRE(two["tracks"].size() >= 2);
  for (int i = 0; i < 2; ++i) {
    const Json& track = two["tracks"][i];
    CHECK(track["coverage"].get<double>() >= 0.75);
    CHECK(track["frames"].size() <= two["frames"].size());
    for (const Json& frame : track["frames"]) {
      const auto box = frame["box"].get<std::vector<int>>();
      CHECK((box[0] + box[2] / 2 < 240) == (i == 0));  // the larger face is the first track, and stays in its half
      CHECK(frame["probabilities"].size() == 7);
    }
  }
  CHECK(two["label"] == two["tracks"][0]["label"]);
  CHECK(two["coverage"] == two["tracks"][0]["coverage"]);
  CHECK(predicted(scratch, "two.mp4")["streams"]["face"]["frames"].size() == two["frames"].size());
  const Run text = scratch.run("limbic predict --face all --face-weights face.h5 two.mp4");
  CHECK(text.out.find("  face 2, ") != std::string::npos);
  CHECK(scratch.run("limbic predict --face some --face-weights face.h5 two.mp4").code == 2);

  // The wall, from the first second on.
  run_ok(scratch, "ffmpeg -v error -t 1 -i " + one +
                      " -f lavfi -t 1 -i color=gray:s=240x180:r=12 -filter_complex "
                      "\"[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]concat\" -c:v libx264 gone.mp4");
  const Json gone = predicted(scratch, "gone.mp4")["streams"]["face"];
  CHECK(gone["coverage"].get<double>() == Approx(0.5).margin(0.1));
  for (const Json& frame : gone["frames"]) {
    if (frame["pts_s"].get<double>() > 1) CHECK(frame["box"].is_null());
  }
}
