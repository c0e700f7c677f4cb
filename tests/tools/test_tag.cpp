// SPDX-License-Identifier: Apache-2.0
// `limbic tag` and `limbic embed` as their users meet them: which front end they hear with, and what they refuse.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "io/hdf5.h"
#include "io/weights.h"
#include "nets/registry.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";
const std::string fixture = LIMBIC_SOURCE_DIR "/tests/fixtures/cnn14_w32/weights.h5";  // no card, no front-end tensors
const std::string narrow = " --front-end panns-32k --weights '" + fixture + "' ";

void check_refused(const Run& run, int code, const std::string& part) {
  INFO(run.out << run.err);
  CHECK(run.code == code);
  CHECK(run.err.find(part) != std::string::npos);
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  CHECK(run.out.empty());
}

// A net as its checkpoint holds it; narrow, for a PANN.
limbic::WeightFile panns(const std::string& net, const limbic::NetOptions& options = {
                                                     .classes = 4, .widths = {2, 2, 2, 2, 2, 2}, .embedding = 3}) {
  limbic::WeightFile file;
  for (limbic::SavedTensor& t : limbic::save_state(limbic::make_net(net, options)->state())) {
    file.tensors.push_back({t.name, t.dtype, t.shape, t.values, {}});
  }
  return file;
}

}  // namespace

TEST_CASE("the front end is the card's, else that of the file's stored STFT, else it is asked for") {
  const Scratch scratch;
  const auto heard_with = [&](const std::string& options) {
    const Run run = scratch.run("limbic embed --force -o e.h5 '" + demo + "' --weights " + options);
    INFO(run.err);
    REQUIRE(run.code == 0);
    return limbic::read_hdf5(scratch.folder() / "e.h5").attributes.at("front_end");
  };
  for (const auto& [net, front_end] :
       {std::pair{"cnn14", "panns-32k"}, {"cnn14-16k", "panns-16k"}, {"cnn14-8k", "panns-8k"}}) {
    limbic::WeightFile file = panns(net);
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    CHECK(heard_with("w.h5") == front_end);
    file.card.front_end = "panns-16k";
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    CHECK(heard_with("w.h5") == "panns-16k");
  }
  for (const char* verb : {"tag", "embed -o none.h5"}) {
    check_refused(scratch.run(std::string("limbic ") + verb + " '" + demo + "' --weights '" + fixture + "'"), 4,
                  "expected --front-end panns-32k");
  }
  limbic::WeightFile scalar = panns("voice", {.classes = 4, .widths = {2, 2, 2, 2}});
  scalar.tensors.push_back({"spectrogram_extractor.stft.conv_real.weight", "f32", {}, {1}, {}});
  limbic::write_weights_hdf5(scratch.folder() / "scalar.h5", scalar);
  check_refused(scratch.run("limbic tag '" + demo + "' --weights scalar.h5"), 4,
                "scalar.h5: does not tell its front end");
  CHECK(heard_with("'" + fixture + "' --front-end panns-16k") == "panns-16k");
  check_refused(scratch.run("limbic tag '" + demo + "' --front-end panns-64k --weights '" + fixture + "'"), 2,
                "panns-64k");
}

TEST_CASE("tag and embed refuse weights that answer with no numbers, and a front end of other mel bins") {
  const Scratch scratch;
  limbic::WeightFile file = panns("cnn14");
  for (limbic::StoredTensor& t : file.tensors) {
    if (t.name == "conv_block2.bn1.running_var") std::fill(t.values.begin(), t.values.end(), -1.0f);
  }
  limbic::write_weights_hdf5(scratch.folder() / "nan.h5", file);
  check_refused(scratch.run("limbic tag '" + demo + "' --weights nan.h5"), 4, "nan.h5");
  check_refused(scratch.run("limbic embed -o e.h5 '" + demo + "' --weights nan.h5"), 4, "nan.h5");

  file = panns("cnn14");
  file.card.front_end = "librosa-48k";
  limbic::write_weights_hdf5(scratch.folder() / "mels.h5", file);
  check_refused(scratch.run("limbic tag '" + demo + "' --weights mels.h5"), 4, "mels.h5: the front end librosa-48k");
  check_refused(scratch.run("limbic tag '" + demo + "' --weights '" + fixture + "' --front-end librosa-48k"), 2,
                "librosa-48k");
}

TEST_CASE("weights of a net that does not hear are told so, by every verb that wants one that does") {
  const Scratch scratch;
  limbic::write_weights_hdf5(scratch.folder() / "face.h5", panns("no-stn", {}));
  limbic::write_weights_hdf5(scratch.folder() / "pictures.h5",
                             panns("alexnet", {.classes = 4, .widths = {2, 2, 2, 2, 2}, .embedding = 3}));
  for (const char* verb : {"predict", "tag", "embed -o e.h5", "eval --data"}) {
    check_refused(scratch.run(std::string("limbic ") + verb + " '" + demo + "' --weights face.h5"), 4,
                  "face.h5: found the face net no-stn, input [1,48,48,1]; expected a net that hears log-mels");
  }
  check_refused(scratch.run("limbic tag '" + demo + "' --weights pictures.h5"), 4,
                "pictures.h5: found the net alexnet, input [1,224,224,3]");
}

TEST_CASE("tag names the sounds of recordings from 0.31 s on, long ones window by window") {
  Scratch scratch;
  REQUIRE(
      scratch
          .run("ffmpeg -v error -f lavfi -i anoisesrc=r=32000:d=45:seed=1 long.wav -t 0.31 least.wav -t 0.30 short.wav")
          .code == 0);
  const Run text = scratch.run("limbic tag --top 3 long.wav" + narrow);
  INFO(text.err);
  REQUIRE(text.code == 0);
  CHECK(text.out.find("long.wav  45.00 s, 5 windows") == 0);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 4);

  const Run json = scratch.run("limbic tag --json least.wav short.wav" + narrow);
  CHECK(json.code == 8);
  const Json results = Json::parse(json.out)["results"];
  CHECK(results[0]["status"] == "ok");
  CHECK(results[0]["tags"].size() == 10);
  CHECK(results[0]["tags"][0]["probability"] >= results[0]["tags"][9]["probability"]);
  CHECK(results[1]["error"] == "short.wav: found 0.30 s of sound; expected at least 0.31 s");
  CHECK(json.out == scratch.run("limbic tag --json --threads 1 least.wav short.wav" + narrow).out);
  CHECK(results[1]["duration_s"].is_null());
  CHECK(results[1]["tags"] == Json::array());
  CHECK(results[1].size() == results[0].size());

  std::istringstream lines(scratch.run("limbic tag --jsonl least.wav short.wav" + narrow).out);
  std::string line;
  for (const Json& result : results) {
    REQUIRE(std::getline(lines, line));
    CHECK(Json::parse(line) == result);
  }
  CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("embed writes a row for each clip that could be read") {
  Scratch scratch;
  REQUIRE(scratch.run("ffmpeg -v error -f lavfi -i anoisesrc=r=32000:d=1:seed=1 a.wav -ar 8000 b.wav").code == 0);
  const Run run = scratch.run("limbic embed --json a.wav missing.wav b.wav -o e.h5" + narrow);
  CHECK(run.code == 8);
  const Json document = Json::parse(run.out);
  CHECK(document["shape"] == Json({2, 64}));
  CHECK(document["results"][2]["row"] == 1);
  CHECK(document["results"][2]["warnings"].size() == 1);  // 8 kHz
  CHECK(document["results"][1].size() == document["results"][0].size());
  CHECK(scratch.run("limbic embed --jsonl a.wav b.wav -o lines.h5" + narrow + "| wc -l").out == "2\n");
  const std::string file = scratch.read("e.h5");
  CHECK(file.find("a.wav\nb.wav") != std::string::npos);

  const Run again = scratch.run("limbic embed a.wav -o e.h5 --weights none.h5");  // before anything is read
  CHECK(again.code == 2);
  CHECK(again.err == "limbic: e.h5: exists; give --force to replace it\n");
  CHECK(scratch.run("limbic embed a.wav missing.wav b.wav -q --force -o e.h5" + narrow).code == 8);
  CHECK(scratch.read("e.h5") == file);
}

TEST_CASE("tag hears through the mel matrix that is stored beside the weights") {
  const Scratch scratch;
  const auto tags_of = [&](const limbic::WeightFile& file) {
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    const Run run = scratch.run("limbic tag --json '" + demo + "' --weights w.h5");
    INFO(run.err);
    REQUIRE(run.code == 0);
    return run.out;
  };
  limbic::WeightFile file = panns("cnn14");
  const std::string own = tags_of(file);
  limbic::WeightFile without = file;
  std::erase_if(without.tensors, [](const auto& t) { return t.name == "logmel_extractor.melW"; });
  CHECK(tags_of(without) == own);
  for (limbic::StoredTensor& t : file.tensors) {  // the low half of the spectrum 4.8 dB louder
    if (t.name != "logmel_extractor.melW") continue;
    for (size_t i = 0; i < t.values.size() / 2; ++i) t.values[i] *= 3;
  }
  CHECK(tags_of(file) != own);
}
