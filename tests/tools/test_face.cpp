// SPDX-License-Identifier: Apache-2.0
// Faces as users meet them: nets trained on the frames of a film, and `limbic predict` with both streams.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/data_folder.h"
#include "tests/tools/face_weights.h"
#include "tests/tools/program.h"
#include "tests/yunet_model.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";  // a voice, and no face

bool has_ffmpeg(const Scratch& scratch) {
  const bool there = scratch.run("ffmpeg -version").code == 0;
  if (!there) WARN("skipped: no ffmpeg command to make the clips with");
  return there;
}

void ffmpeg(const Scratch& scratch, const std::string& arguments) {
  const Run run = scratch.run("ffmpeg -v error -nostdin -y " + arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
}

void write_face_weights(const std::string& path, const std::string& front_end = "grey-48",
                        const std::string& labels = limbic_test::fer_labels) {
  limbic_test::write_untrained(path, "no-stn", front_end, labels);
}

double sum(const Json& probabilities) {
  double total = 0;
  for (const auto& [name, p] : probabilities.items()) total += p.get<double>();
  return total;
}

bool warns(const Json& result, const std::string& part) {
  const auto& warnings = result["warnings"];
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const Json& w) { return w.get<std::string>().find(part) != std::string::npos; });
}

// 40 frames of noise, the first half bright (happy), the rest dark (sad), and their table.
void write_film(const Scratch& scratch) {
  ffmpeg(scratch,
         "-f lavfi -i \"nullsrc=s=48x48:r=10:d=4,format=gray,geq=lum='if(lt(N,20),150,60)+random(1)*40'\" -c:v ffv1 "
         "film.mkv");
  std::ofstream table(scratch.folder() / "film.csv");
  table << "frame,split,label,emotion\n";
  for (int i = 0; i < 40; ++i) {
    table << i << ","
          << (i % 5 < 3    ? "Training"
              : i % 5 == 3 ? "PublicTest"
                           : "PrivateTest")
          << (i < 20 ? ",0,happy\n" : ",1,sad\n");
  }
}

const std::string recipe =
    "seed = 1\n[net]\nname = \"no-stn\"\n[input]\nfront_end = \"grey-48\"\n[train]\nepochs = 10\nbatch = 8\nlr = "
    "0.003\n"
    "keep = \"best-loss\"\n[augment]\nflip = 0.5\ncutout = 0.3\n";

}  // namespace

TEST_CASE("a face net is trained on the frames of a film, resumes to the same bits, and answers for a clip") {
  const Scratch scratch;
  if (!has_ffmpeg(scratch)) return;
  write_film(scratch);
  std::ofstream(scratch.folder() / "recipe.toml") << recipe;
  const std::string train = "limbic train recipe.toml --data film.csv --out ";
  const Run run = scratch.run(train + "whole --json");
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json result = Json::parse(run.out);
  CHECK(result["train_clips"] == 24);
  CHECK(result["validation"]["clips"] == 8);
  CHECK(result["test"]["correct"] == 8);

  REQUIRE(scratch.run(train + "halves --stop-after-steps 5").code == 0);
  REQUIRE(scratch.run(train + "halves").code == 0);
  CHECK(scratch.read("halves/weights.h5") == scratch.read("whole/weights.h5"));
  REQUIRE(scratch.run(train + "plain --set augment.flip=0 --set augment.cutout=0").code == 0);
  CHECK(scratch.read("plain/log.csv") != scratch.read("whole/log.csv"));

  const Run measured = scratch.run("limbic eval --weights whole/weights.h5 --data film.csv --json");
  CHECK(Json::parse(measured.out)["correct"] == 40);
  const std::string of_split = "limbic eval --weights whole/weights.h5 --data film.csv --json --split ";
  CHECK(Json::parse(scratch.run(of_split + "test").out)["clips"] == 8);
  CHECK(Json::parse(scratch.run(of_split + "train").out)["clips"] == 24);
  CHECK(scratch.run(of_split + "private").code == 2);
  CHECK(scratch.run("limbic predict --face-weights whole/weights.h5 '" + demo + "'").code == 0);
}

TEST_CASE("pictures trained on and tested on are told, and what cannot be trained is refused") {
  const Scratch scratch;
  if (!has_ffmpeg(scratch)) return;
  write_film(scratch);
  std::ofstream(scratch.folder() / "recipe.toml") << recipe;
  const auto refused = [&](const std::string& data, const std::string& options, int code, const std::string& part) {
    const Run run = scratch.run("limbic train recipe.toml --data " + data + " --out run " + options);
    INFO(run.err);
    CHECK(run.code == code);
    CHECK(run.err.find(part) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(scratch.folder() / "run"));
  };
  refused("film.csv", "--set augment.gain_db=3", 2, "augment.gain_db is for sound");
  refused("film.csv", "--set input.front_end=voice-16k", 2, "augment.flip is for pictures");
  refused("film.csv", "--set input.front_end=voice-16k --set augment.flip=0 --set augment.cutout=0", 2,
          "found a frame of a film");
  refused("film.csv", "--set augment.flip=2", 2, "augment.flip is 2; expected 0 to 1");
  refused("film.csv", "--set input.front_end=grey-49", 2, "grey-48-guided");
  refused("film.csv", "--set net.name=guided-stn", 2, "guided-stn");
  std::ofstream(scratch.folder() / "film.csv", std::ios::app) << "40,Training,0,happy\n";
  refused("film.csv", "", 3, "found 40 frames, expected frame 40 too");

  // The same frame twice: a film whose second half is its first.
  ffmpeg(scratch, "-i film.mkv -i film.mkv -filter_complex \"[0:v][1:v]concat\" -c:v ffv1 twice.mkv");
  std::ofstream(scratch.folder() / "twice.csv")
      << "frame,split,label\n0,Training,happy\n30,Training,sad\n40,PrivateTest,happy\n71,PrivateTest,sad\n";
  const Run run =
      scratch.run("limbic train recipe.toml --data twice.csv --out twice --set train.keep=last --set train.epochs=1");
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(scratch.read("twice/log.txt").find("1 of the 2 test pictures are among those trained on too") !=
        std::string::npos);
}

TEST_CASE("folds drawn from all clips: labels merged and left out, an epoch chosen on a held-out share, test watched") {
  const Scratch scratch;
  if (!has_ffmpeg(scratch)) return;
  write_film(scratch);
  std::ofstream table(scratch.folder() / "film.csv");
  table << "frame,label\n";
  for (int i = 0; i < 40; ++i)
    table << i << (i < 20 ? ",happy\n" : i < 30 ? ",sad\n" : i < 36 ? ",angry\n" : ",none\n");
  table.close();
  std::ofstream(scratch.folder() / "recipe.toml") << recipe;
  const std::string cv =
      "limbic cv recipe.toml --data film.csv --set 'data.merge=[\"bad = sad, angry\"]' --set 'data.labels=[\"happy\", "
      "\"bad\"]' --set train.watch_test=true --set train.epochs=4 --set cv.validation=0.25 --set cv.drawn=";
  const Run run = scratch.run(cv + "3 --out run --json");
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json result = Json::parse(run.out);
  REQUIRE(result["folds"].size() == 3);
  CHECK(result["pooled"]["clips"] == 36);  // happy, and what was sad or angry; `none` is left out
  CHECK(result["pooled"]["labels"] == Json::array({"happy", "bad"}));
  double watched = 0;
  for (size_t fold = 0; fold < 3; ++fold) {
    const Json& of = result["folds"][fold];
    CHECK(of["clips"] == 12 - (fold == 0) + (fold == 2));  // 20 and 16 clips by three: 6+5, 7+5, 7+6
    CHECK(of["watched"]["accuracy"] >= of["accuracy"]);
    watched += of["watched"]["accuracy"].get<double>() / 3;
    std::istringstream log(scratch.read("run/fold-" + std::to_string(fold) + "/log.csv"));
    std::string header, line;
    std::getline(log, header);
    CHECK(header.ends_with(",validation_uar,test_accuracy"));
    double best = 0;
    int epochs = 0;
    for (; std::getline(log, line); ++epochs) best = std::max(best, std::stod(line.substr(line.rfind(',') + 1)));
    CHECK(epochs == 4);
    CHECK(std::fabs(best - of["watched"]["accuracy"].get<double>()) < 1e-6);
  }
  CHECK(std::fabs(watched - result["mean_watched"].get<double>()) < 1e-9);
  std::map<std::string, int> tested;
  std::istringstream posteriors(scratch.read("run/posteriors.csv"));
  std::string line;
  for (std::getline(posteriors, line); std::getline(posteriors, line);) ++tested[line.substr(0, line.find(','))];
  CHECK(tested.size() == 36);  // each in one fold
  const Json fold = Json::parse(scratch.read("run/fold-0/result.json"));
  CHECK(fold["train_clips"].get<int>() + fold["validation"]["clips"].get<int>() == 36 - 11);
  CHECK(fold["validation"]["clips"] == 7);  // a quarter of 14 and of 11
  CHECK(scratch.read("run/fold-0/log.txt").find("scored after every epoch, which chose nothing here") !=
        std::string::npos);

  const Run first = scratch.run(cv + "3 --out first --json --first-folds 1");
  REQUIRE(first.code == 0);
  CHECK(Json::parse(first.out)["folds"][0] == result["folds"][0]);
  CHECK(Json::parse(first.out)["folds"].size() == 1);
  CHECK(scratch.read("first/fold-0/weights.h5") == scratch.read("run/fold-0/weights.h5"));

  const auto refused = [&](const std::string& command, const std::string& part) {
    const Run bad = scratch.run(command + " --out bad");
    INFO(bad.err);
    CHECK(bad.code == 2);
    CHECK(bad.err.find(part) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(scratch.folder() / "bad"));
  };
  refused(cv + "1", "cv.drawn is 1; expected 0, or two folds or more");
  refused(cv + "3 --set 'cv.folds=[\"1\"]'", "cv.drawn and cv.folds are both set");
  refused(cv + "0", "cv.validation is for drawn folds");
  refused(cv + "30", "has no clip to test on");
  refused(cv + "3 --set train.keep=last --set 'data.merge=[\"x =\"]'", "expected labels after the =");
  refused(cv + "3 --hold-out", "expected cv.validation");
  refused(cv + "3 --set cv.validation=0", "chooses an epoch");
  for (const auto& [merge, part] : {std::pair{"glad, sad", "expected \"name = label"},
                                    {"x = sab", "no clip is labelled sab"},
                                    {"x = sad, sad", "sad is merged already"},
                                    {"x, y = sad", "expected one name"}}) {
    refused(cv + "3 --set 'data.merge=[\"" + std::string(merge) + "\"]'", part);
  }
}

TEST_CASE("a sequence net learns from what a face net says of each frame, clips of any length left out whole") {
  const Scratch scratch;
  if (!has_ffmpeg(scratch)) return;
  write_film(scratch);
  std::ofstream(scratch.folder() / "recipe.toml") << recipe;
  REQUIRE(scratch.run("limbic train recipe.toml --data film.csv --out face").code == 0);
  std::ofstream table(scratch.folder() / "film.csv");  // 12 clips of 2, 3 and 5 frames
  table << "clip,first_frame,frames,label\n";
  for (int i = 0, first = 0; i < 12; first += i % 3 == 0 ? 2 : i % 3 == 1 ? 3 : 5, ++i) {
    table << "c" << i << "," << first << ","
          << (i % 3 == 0   ? 2
              : i % 3 == 1 ? 3
                           : 5)
          << (first < 20 ? ",happy\n" : ",sad\n");
  }
  table.close();
  std::ofstream(scratch.folder() / "sequence.toml")
      << "seed = 1\n[net]\nname = \"bilstm-attention\"\nwidths = [6, 6]\n[input]\nfront_end = \"embeddings\"\nembedder "
         "= "
         "\"face/weights.h5\"\n[train]\nepochs = 12\nbatch = 4\nlr = 0.02\n[cv]\ndrawn = 3\n";
  const Run run = scratch.run("limbic cv sequence.toml --data film.csv --out run --json");
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json result = Json::parse(run.out);
  CHECK(result["pooled"]["clips"] == 12);  // sequences, not frames
  CHECK(result["pooled"]["correct"].get<int>() >= 11);
  std::map<std::string, int> tested;
  std::istringstream posteriors(scratch.read("run/posteriors.csv"));
  std::string line;
  for (std::getline(posteriors, line); std::getline(posteriors, line);) ++tested[line.substr(0, line.find(','))];
  CHECK(tested.size() == 12);
  CHECK(tested.count("c11") == 1);
  CHECK(scratch.read("run/fold-0/log.txt").find("trained on 8 clips of a fold drawn with seed 1") != std::string::npos);

  // The same bits from a run that was stopped, and with one clip alone as in a batch that is filled up.
  const std::string split = " --data film.csv --set 'split.train=c0, c1, c2, c3, c6, c7, c8, c9' --out ";
  REQUIRE(scratch.run("limbic train sequence.toml" + split + "whole").code == 0);
  REQUIRE(scratch.run("limbic train sequence.toml --stop-after-steps 5" + split + "halves").code == 0);
  REQUIRE(scratch.run("limbic train sequence.toml" + split + "halves").code == 0);
  CHECK(scratch.read("halves/weights.h5") == scratch.read("whole/weights.h5"));

  const auto refused = [&](const std::string& options, int code, const std::string& part) {
    const Run bad = scratch.run("limbic cv sequence.toml --data film.csv --out bad " + options);
    INFO(bad.err);
    CHECK(bad.code == code);
    CHECK(bad.err.find(part) != std::string::npos);
  };
  refused("--set input.embedder=", 2, "or neither");
  refused("--set input.front_end=grey-48", 2, "or neither");
  refused("--set net.name=no-stn", 2, "bilstm-attention together");
  refused("--set augment.gain_db=3", 2, "augment.gain_db is for sound");
  refused("--set input.embedder=nowhere.h5", 4, "nowhere.h5");
  refused("--set 'input.embedder=" LIMBIC_SOURCE_DIR "/weights/voice.h5'", 4, "found a net for sound");
  std::ofstream(scratch.folder() / "film.csv") << "clip,frame,label\na,0,happy\na,1,sad\nb,2,happy\nc,3,sad\n";
  const Run mixed = scratch.run("limbic train sequence.toml --data film.csv --out bad --set 'split.train=a, b, c'");
  CHECK(mixed.code == 2);
  CHECK(mixed.err.find("expected one label a group") != std::string::npos);
}

TEST_CASE("predict answers from the stream that is there, and says which is missing") {
  const Scratch scratch;
  write_face_weights(scratch.folder() / "face.h5");
  const auto predict = [&](const std::string& clip) {
    return scratch.run("limbic predict --json --face-weights face.h5 '" + clip + "'");
  };

  const Json voice = Json::parse(predict(demo).out)["results"][0];  // no face in it
  CHECK(voice["streams"]["face"]["coverage"] == 0);
  CHECK(voice["streams"]["face"]["label"].is_null());
  CHECK(voice["streams"]["face"]["frames"].size() == 36);
  CHECK(voice["streams"]["face"]["frames"][0]["box"].is_null());
  CHECK(voice["fusion"]["streams"] == Json::array({"voice"}));
  CHECK(voice["probabilities"] == voice["streams"]["voice"]["probabilities"]);
  CHECK(warns(voice, "the voice alone answers: no face in any frame"));
  const Json plain = Json::parse(scratch.run("limbic predict --json --face none '" + demo + "'").out)["results"][0];
  CHECK(plain["probabilities"] == voice["probabilities"]);
  CHECK_FALSE(plain.contains("fusion"));

  if (!has_ffmpeg(scratch)) return;
  ffmpeg(scratch, "-i '" + demo + "' -vn tone.wav");
  const Json sound = Json::parse(predict("tone.wav").out)["results"][0];
  CHECK(warns(sound, "the voice alone answers: tone.wav: found a media file without pictures"));
  CHECK_FALSE(sound["streams"].contains("face"));
  const Json shipped =
      Json::parse(scratch.run("limbic predict --json tone.wav").out)["results"][0];  // not asked for by name
  CHECK_FALSE(warns(shipped, "the voice alone answers"));
  CHECK(shipped["fusion"]["streams"] == Json::array({"voice"}));
  ffmpeg(scratch, "-i '" + demo + "' -an -c:v copy mute.mp4");
  const Run nothing = predict("mute.mp4");
  CHECK(nothing.code == 3);
  CHECK(nothing.err.find("without a sound track") != std::string::npos);
  CHECK(scratch.run("limbic predict --face-weights face.h5 /dev/null").code == 3);
}

TEST_CASE("predict and report look for faces with the detector that they are given") {
  const Scratch scratch;
  if (!has_ffmpeg(scratch)) return;
  write_face_weights(scratch.folder() / "face.h5");
  std::ofstream(scratch.folder() / "yunet.onnx", std::ios::binary) << limbic::onnx::detector();
  ffmpeg(scratch, "-f lavfi -i \"color=black:s=640x480:r=10:d=2,drawbox=x=256:y=192:w=64:h=64:color=blue:t=fill:"
                  "enable='lt(t,0.95)'\" -f lavfi -i sine=d=2 -c:v mpeg4 -q:v 1 -c:a aac block.mp4");
  for (const std::string which : {"largest", "all"}) {
    const Run run = scratch.run("limbic predict --json --face " + which +
                                " --face-weights face.h5 --face-detector yunet.onnx block.mp4");
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json face = Json::parse(run.out)["results"][0]["streams"]["face"];
    CHECK(face["detector"] == "yunet.onnx");
    CHECK(face["coverage"] == 0.5);
    CHECK(face["frames"][0]["box"] == Json({192, 128, 192, 192}));
  }
  const Run run = scratch.run("limbic report block.mp4 -o page.html --face-weights face.h5 --face-detector yunet.onnx");
  INFO(run.err);
  CHECK(run.code == 0);
  std::ifstream page(scratch.folder() / "page.html");
  const std::string html{std::istreambuf_iterator<char>(page), {}};
  CHECK(html.find("coverage 50.0 %, found by yunet.onnx") != std::string::npos);
}

TEST_CASE("weights of the other stream, and of what is no emotion, are refused") {
  const Scratch scratch;
  const auto refused = [&](const std::string& options, const std::string& part) {
    const Run run = scratch.run("limbic predict '" + demo + "' " + options);
    INFO(run.err);
    CHECK(run.code == 4);
    CHECK(run.err.find(part) != std::string::npos);
  };
  write_face_weights(scratch.folder() / "face.h5");
  refused("--weights face.h5", "found a net for pictures");
  refused("--face-weights '" LIMBIC_SOURCE_DIR "/weights/voice.h5'", "found a net for sound");
  write_face_weights(scratch.folder() / "three.h5", "grey-48", "negative,neutral,positive");
  refused("--face-weights three.h5", "label \"negative\"");
  refused("--face-detector face.h5", "expected YuNet in ONNX");
  CHECK(scratch.run("limbic predict --face none --face-detector face.h5 '" + demo + "'").code == 2);
  CHECK(scratch.run("limbic predict --face none --face-weights face.h5 '" + demo + "'").code == 2);
  write_face_weights(scratch.folder() / "large.h5", "grey-112");
  refused("--face-weights large.h5", "makes pictures [1,112,112,1]");
}

TEST_CASE("predict finds the faces of RAVDESS clips and fuses both streams, with calm left to the voice") {
  const std::string folder = data_file("ravdess_av");
  if (folder.empty()) return;
  const Scratch scratch;
  write_face_weights(scratch.folder() / "face.h5");
  const Run run = scratch.run("limbic predict --json --face-weights face.h5 '" + folder + "'", 300);
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json results = Json::parse(run.out)["results"];
  REQUIRE(results.size() == 5);
  for (const Json& result : results) {
    INFO(result["input"]);
    const Json &voice = result["streams"]["voice"]["probabilities"], &face = result["streams"]["face"]["probabilities"];
    CHECK(result["streams"]["face"]["coverage"].get<double>() >= 0.95);
    CHECK(face.size() == 8);
    CHECK(face["calm"] == 0);
    CHECK(sum(face) == Approx(1).margin(1e-9));
    CHECK(sum(result["probabilities"]) == Approx(1).margin(1e-9));
    CHECK(result["fusion"]["streams"] == Json::array({"voice", "face"}));
    CHECK(result["fusion"]["unknown_to_face"] == Json::array({"calm"}));
    const double calm = voice["calm"];
    for (const auto& [name, p] : result["probabilities"].items()) {
      const double said = name == "calm" ? calm : (1 - calm) * face[name].get<double>();
      CHECK(p.get<double>() == Approx((voice[name].get<double>() + said) / 2).margin(1e-9));
    }
    double last = -1;
    for (const Json& frame : result["streams"]["face"]["frames"]) {
      CHECK(frame["pts_s"].get<double>() > last);
      last = frame["pts_s"];
      if (frame["box"].is_null()) continue;
      CHECK(frame["probabilities"].size() == 7);
      CHECK(sum(frame["probabilities"]) == Approx(1).margin(1e-9));
      const auto box = frame["box"].get<std::vector<int>>();
      CHECK(box[2] > 200);  // the head of a person who sits before the camera
      CHECK(box[0] + box[2] / 2 > 400);
      CHECK(box[0] + box[2] / 2 < 880);
    }
  }
  const Run text = scratch.run("limbic predict --face-weights face.h5 '" + folder + "/01-01-01-01-01-01-01.mp4'", 300);
  CHECK(text.out.find("s of voice, a face in ") != std::string::npos);
  CHECK(text.out.find("  voice: ") != std::string::npos);
  CHECK(text.out.find("  face: ") != std::string::npos);

  // Without its sound the face alone answers; turned as a telephone is held, the same face is found.
  if (!has_ffmpeg(scratch)) return;
  ffmpeg(
      scratch,
      "-t 1 -i '" + folder +
          "/01-01-01-01-01-01-01.mp4' -an -vf \"transpose=1,scale=360:640\" -c:v libx264 -preset ultrafast lying.mp4");
  ffmpeg(scratch, "-i lying.mp4 -c copy -metadata:s:v rotate=90 phone.mp4");
  const Json phone =
      Json::parse(scratch.run("limbic predict --json --face-weights face.h5 phone.mp4", 300).out)["results"][0];
  CHECK(phone["streams"]["face"]["coverage"].get<double>() >= 0.95);
  CHECK(phone["fusion"]["streams"] == Json::array({"face"}));
  CHECK(phone["probabilities"] == phone["streams"]["face"]["probabilities"]);
  CHECK(warns(phone, "the face alone answers"));
}
