// SPDX-License-Identifier: Apache-2.0
// `limbic predict` as its users meet it: good clips, odd clips, and everything that is no clip.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "io/weights.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";

// One line on stderr that names the file and says what was found and expected; nothing else.
void check_refused(const Run& run, int code, const std::string& file) {
  INFO(run.out << run.err);
  CHECK(run.code == code);
  CHECK(run.err.find(file) != std::string::npos);
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("predict answers about the clip that ships with limbic") {
  Scratch scratch;
  const Run text = scratch.run("limbic predict --top 8 '" + demo + "'");
  INFO(text.err);
  REQUIRE(text.code == 0);
  CHECK(text.out.find("surprised") != std::string::npos);
  CHECK(text.out.find("3.6") != std::string::npos);  // the seconds that were analysed

  const Run first = scratch.run("limbic predict --json --threads 1 '" + demo + "'");
  const Run second = scratch.run("limbic predict --json --threads 2 '" + demo + "'");
  CHECK(first.out == second.out);
  const Json document = Json::parse(first.out);
  CHECK(document["schema"] == "limbic.predict/1");
  const Json& result = document["results"][0];
  CHECK(result["status"] == "ok");
  CHECK(result["error"].is_null());
  double sum = 0;
  for (const auto& [name, p] : result["probabilities"].items()) sum += p.get<double>();
  CHECK(result["probabilities"].size() == 8);
  CHECK(sum == Approx(1).margin(1e-9));
  CHECK(result["streams"]["voice"]["windows"].size() == 1);
  CHECK(result["probabilities"][result["label"].get<std::string>()] ==
        *std::max_element(result["probabilities"].begin(), result["probabilities"].end()));
}

TEST_CASE("a file's name cannot speak to the terminal; JSON has it as it is") {
  Scratch scratch;
  REQUIRE(scratch.run("ffmpeg -v error -f lavfi -i anullsrc=r=8000:cl=mono -t 1 $'a\\e[31m.wav'").code == 0);
  const Run text = scratch.run("limbic predict $'a\\e[31m.wav'");
  INFO(text.out << text.err);
  REQUIRE(text.code == 0);
  CHECK((text.out + text.err).find('\x1b') == std::string::npos);
  CHECK(text.out.find("a?[31m.wav  1.00 s") == 0);
  CHECK(text.err.find("warning: a?[31m.wav: ") == 0);
  CHECK(Json::parse(scratch.run("limbic predict --json $'a\\e[31m.wav'").out)["results"][0]["input"] ==
        "a\x1b[31m.wav");
}

TEST_CASE("a trace ends with the peak of memory") {
  Scratch scratch;
  const Run run = scratch.run("limbic predict --trace '" + demo + "'");
  REQUIRE(run.code == 0);
  const size_t at = run.err.rfind("peak memory ");
  REQUIRE(at != std::string::npos);
  CHECK(run.err.ends_with(" MiB\n"));
  const double mib = std::stod(run.err.substr(at + 12));
  CHECK(mib > 0.5);  // one log-mel picture and the first map
  CHECK(mib < 1000);
}

TEST_CASE("predict --min-confidence answers uncertain where no emotion is that probable, and keeps the label") {
  Scratch scratch;
  const Json plain = Json::parse(scratch.run("limbic predict --json '" + demo + "'").out)["results"][0];
  CHECK_FALSE(plain.contains("answer"));
  const double best = plain["probabilities"][plain["label"].get<std::string>()];
  for (const bool certain : {true, false}) {
    const std::string bound = " --min-confidence " + std::to_string(best + (certain ? -0.01 : 0.01));
    Json result = Json::parse(scratch.run("limbic predict --json '" + demo + "'" + bound).out)["results"][0];
    CHECK(result["answer"] == (certain ? plain["label"] : Json("uncertain")));
    result.erase("answer");
    CHECK(result == plain);
    CHECK((scratch.run("limbic predict '" + demo + "'" + bound).out.find("uncertain") == std::string::npos) == certain);
  }
  CHECK(scratch.run("limbic predict --min-confidence 1.5 '" + demo + "'").code == 2);
}

TEST_CASE("predict takes what FFmpeg reads: wav, flac, mp3, 8 kHz mono, 96 kHz 5.1, silence, a long recording") {
  Scratch scratch;
  const Run made =
      scratch.run("ffmpeg -v error -i '" + demo +
                  "' -vn a.wav -vn a.flac -vn a.mp3 -vn -ar 8000 -ac 1 phone.wav -vn -ar 96000 -ac 6 surround.wav && "
                  "ffmpeg -v error -f lavfi -i anullsrc=r=16000:cl=mono -t 2 silence.wav && "
                  "ffmpeg -v error -stream_loop 5 -i a.wav long.wav");
  INFO(made.err);
  REQUIRE(made.code == 0);
  for (const char* name : {"a.wav", "a.flac", "a.mp3", "phone.wav", "surround.wav", "silence.wav", "long.wav"}) {
    const Run run = scratch.run(std::string("limbic predict --json ") + name);
    INFO(name << run.err);
    CHECK(run.code == 0);
    const Json result = Json::parse(run.out)["results"][0];
    CHECK(result["status"] == "ok");
    if (std::string(name) == "silence.wav") CHECK_FALSE(result["warnings"].empty());
    if (std::string(name) == "long.wav") CHECK(result["streams"]["voice"]["windows"].size() > 5);
  }
  const Run folder = scratch.run("limbic predict --jsonl . | wc -l");
  CHECK(folder.out == "7\n");
  const Run pattern = scratch.run("limbic predict --jsonl 'a.*' | wc -l");
  CHECK(pattern.out == "3\n");
}

TEST_CASE("predict refuses what is no clip, in one line, with the documented exit code") {
  Scratch scratch;
  REQUIRE(scratch
              .run("ffmpeg -v error -i '" + demo + "' -an video_only.mp4 && ffmpeg -v error -i '" + demo +
                   "' -frames:v 1 image.png && ffmpeg -v error -i '" + demo +
                   "' -vn -t 0.1 short.wav && "
                   ": > empty.mp4 && head -c 3000 '" +
                   demo +
                   "' > truncated.mp4 && mkdir folder && mkfifo pipe.wav && "
                   "printf '#EXTM3U\\n#EXTINF:1,\\nfile.ts\\n' > list.m3u8 && "
                   "printf \"ffconcat version 1.0\\nfile a.wav\\n\" > concat.wav && echo hello > text.mp3 && "
                   "ffmpeg -v error -i '" +
                   demo +
                   "' -vn -c:a pcm_f32le nan.wav && "
                   "printf '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff' | dd of=nan.wav bs=1 seek=20000 conv=notrunc "
                   "status=none")
              .code == 0);
  for (const char* name : {"missing.mp4", "empty.mp4", "truncated.mp4", "folder", "image.png", "video_only.mp4",
                           "short.wav", "nan.wav", "pipe.wav", "list.m3u8", "concat.wav", "text.mp3"}) {
    INFO(name);
    check_refused(scratch.run(std::string("limbic predict ") + name, 20), 3, name);
  }
  const Run json = scratch.run("limbic predict --json missing.mp4 '" + demo + "'");
  CHECK(json.code == 8);
  const Json results = Json::parse(json.out)["results"];
  CHECK(results[0]["status"] == "error");
  CHECK(results[0]["error"].get<std::string>().find("missing.mp4") != std::string::npos);
  CHECK(results[1]["status"] == "ok");
  CHECK(results[0]["duration_s"].is_null());
  CHECK(results[0]["label"].is_null());
  CHECK(results[0]["probabilities"] == Json::object());
  CHECK(results[0]["streams"] == Json::object());
  CHECK(results[0]["warnings"] == Json::array());
  CHECK(results[0].size() == results[1].size());

  // What stands for no clip fails alone, as a clip would.
  const Run batch = scratch.run("limbic predict --json folder 'no*such' '" + demo + "'");
  CHECK(batch.code == 8);
  const Json three = Json::parse(batch.out)["results"];
  CHECK(three[0]["error"].get<std::string>().find("folder: found a directory") == 0);
  CHECK(three[1]["status"] == "error");
  CHECK(three[2]["status"] == "ok");
}

TEST_CASE("predict says what is odd about a clip cut short, and about weights that were changed") {
  Scratch scratch;
  REQUIRE(scratch.run("ffmpeg -v error -i '" + demo + "' -vn whole.wav && head -c 70000 whole.wav > cut.wav").code ==
          0);
  const Run cut = scratch.run("limbic predict cut.wav");
  CHECK(cut.code == 0);
  CHECK(cut.err.find("warning: cut.wav: truncated: ") == 0);
  CHECK(scratch.run("limbic predict whole.wav").err == "");

  std::string bytes = scratch.read(LIMBIC_SOURCE_DIR "/weights/voice.h5");
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(scratch.folder() / "changed.h5", std::ios::binary) << bytes;
  const Run changed = scratch.run("limbic predict --json --weights changed.h5 whole.wav");
  CHECK(changed.code == 0);
  CHECK(changed.err.find("warning: changed.h5: tensors have SHA-256 ") == 0);
  CHECK(Json::parse(changed.out)["results"][0]["warnings"][0].get<std::string>().find(
            "weights: tensors have SHA-256 ") == 0);
}

TEST_CASE("an option that may be given again takes one value each time, never a clip") {
  Scratch scratch;
  const Run run = scratch.run("limbic predict --top 1 --kernel mel=v0_reference --kernel stft=v0_reference '" + demo +
                              "' '" + demo + "'");
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 4);
}

TEST_CASE("predict refuses weights that are none") {
  Scratch scratch;
  REQUIRE(scratch
              .run("echo hello > text.h5 && : > empty.h5 && head -c 5000 '" LIMBIC_SOURCE_DIR
                   "/weights/voice.h5' > truncated.h5")
              .code == 0);
  for (const char* name : {"missing.h5", "text.h5", "empty.h5", "truncated.h5"}) {
    INFO(name);
    check_refused(scratch.run(std::string("limbic predict --weights ") + name + " '" + demo + "'", 20), 4, name);
  }
}

TEST_CASE("predict refuses weights whose card or numbers make no sense, and names them") {
  Scratch scratch;
  const limbic::WeightFile shipped = limbic::read_weights(LIMBIC_SOURCE_DIR "/weights/voice.h5");
#ifdef LIMBIC_SANITIZED  // whose shadow memory is larger than any limit
  const std::string within;
#else
  const std::string within = "ulimit -v 8000000; ";
#endif
  const auto refusal = [&](const std::function<void(limbic::WeightFile&)>& spoil) {
    limbic::WeightFile file = shipped;
    spoil(file);
    limbic::write_weights_hdf5(scratch.folder() / "bad.h5", file, true);
    const Run run = scratch.run(within + "limbic predict --weights bad.h5 '" + demo + "'", 30);
    check_refused(run, 4, "bad.h5");
    CHECK(run.out.empty());
    return run.err;
  };
  const auto tensor = [](limbic::WeightFile& file, const std::string& name) -> limbic::StoredTensor& {
    return *std::find_if(file.tensors.begin(), file.tensors.end(), [&](const auto& t) { return t.name == name; });
  };
  for (const char* key : {"window_offset_s", "window_length_s"}) {
    for (const char* text : {"-200", "-500000", "601", "1e300", "nan", "inf", "soon", "1 s", ""}) {
      INFO(key << " = " << text);
      CHECK_THAT(refusal([&](auto& file) { file.card.attributes[key] = text; }), Catch::Contains(key));
    }
  }
  CHECK_THAT(refusal([](auto& file) { file.card.labels[5] = "surprise"; }),
             Catch::Contains("two labels for surprised"));
  CHECK_THAT(refusal([](auto& file) { file.card.front_end = "librosa-48k"; }),
             Catch::Contains("librosa-48k") && Catch::Contains("64"));
  CHECK_THAT(refusal([&](auto& file) {
               for (float& v : tensor(file, "conv_block2.bn1.running_var").values) v = -1;
             }),
             Catch::Contains("nan"));
  const auto scaler = [](limbic::WeightFile& file, std::vector<float> mean, std::vector<float> scale) {
    const auto size = [](const auto& values) { return std::vector<int64_t>{static_cast<int64_t>(values.size())}; };
    file.tensors.push_back({"scaler.mean", "f32", size(mean), mean, {}});
    file.tensors.push_back({"scaler.scale", "f32", size(scale), scale, {}});
  };
  CHECK_THAT(refusal([&](auto& file) { scaler(file, {0, NAN}, {1, 1}); }), Catch::Contains("scaler.mean"));
  CHECK_THAT(refusal([&](auto& file) { scaler(file, {0, 0}, {1, INFINITY}); }), Catch::Contains("scaler.scale"));
  CHECK_THAT(refusal([&](auto& file) { scaler(file, {0, 0}, {1, 0}); }), Catch::Contains("scaler.scale"));
  CHECK_THAT(refusal([&](auto& file) { scaler(file, {0, 0}, {1, 1, 1}); }), Catch::Contains("scaler.scale"));
}

TEST_CASE("wrong words on the command line are one line and exit code 2") {
  Scratch scratch;
  for (const char* line :
       {"limbic", "limbic sing", "limbic predict", "limbic predict --bottom 3 x.wav", "limbic predict --top 9 x.wav",
        "limbic predict --threads 0 x.wav", "limbic doctor --kernel conv2d=magic", "LIMBIC_ISA=mmx limbic doctor",
        "limbic graph cnn14 --widths 8", "LIMBIC_THREADS=abc limbic doctor", "LIMBIC_THREADS=0 limbic doctor",
        "LIMBIC_THREADS=-5 limbic doctor", "LIMBIC_THREADS=100000 limbic doctor",
        "limbic bench net --alone --only nope", "limbic graph voice --widths 4,4,4,0"}) {
    const Run run = scratch.run(line);
    INFO(line << "\n" << run.err);
    CHECK(run.code == 2);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  }
  CHECK(scratch.run("limbic doctor --device cuda").code == 6);
  const Run full = scratch.run("limbic kernels list > /dev/full");
  CHECK(full.code == 1);
  CHECK(full.err.find("No space left on device") != std::string::npos);
  for (const char* line : {"limbic --help", "limbic predict --help", "limbic --version"})
    CHECK(scratch.run(line).code == 0);
  CHECK(scratch.run("\"$(which limbic)\" predict --help").out.find("Usage: limbic predict [OPTIONS] clips...") !=
        std::string::npos);
}
