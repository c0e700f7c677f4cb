// SPDX-License-Identifier: Apache-2.0
// Clips that are hardly any, and files that only look like clips, met with both nets: answers, warnings and exit codes.
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

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";  // a voice, and no face

struct Workplace : Scratch {
  Workplace() {
    limbic_test::write_untrained(folder() / "face.h5", "no-stn", "grey-48");
    const Run made =
        run("limbic data synth toy --actors 1 --quiet && cp toy/Actor_01/01-01-01-01-01-01-01.avi face.avi && cp "
            "toy/Actor_01/03-01-01-01-01-01-01.wav voice.wav",
            120);
    INFO(made.err);
    REQUIRE(made.code == 0);
  }
  void make(const std::string& command) const {
    const Run made = run(command, 120);
    INFO(command << "\n" << made.err);
    REQUIRE(made.code == 0);
  }
  Run predict(const std::string& clip) const {
    return run("limbic predict --json --quiet --face-weights face.h5 " + clip, 120);
  }
  Json answer(const std::string& clip) const {
    const Run told = predict(clip);
    INFO(clip << "\n" << told.out << told.err);
    REQUIRE(told.code == 0);
    return Json::parse(told.out)["results"][0];
  }
};

bool warns(const Json& result, const std::string& part) {
  const auto& warnings = result["warnings"];
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const Json& w) { return w.get<std::string>().find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("one stream, one frame, one moment of sound: what is there answers, and the result says what is not") {
  const Workplace place;
  place.make(
      "ffmpeg -v error -i face.avi -an -frames:v 1 -c:v libx264 -pix_fmt yuv420p frame.mp4 && ffmpeg -v error -i "
      "face.avi -t 0.1 -c:v libx264 -pix_fmt yuv420p moment.mp4 && "
      "ffmpeg -v error -i voice.wav -i frame.mp4 -map 0:a -map 1:v -c:v copy -c:a aac voice_and_frame.mp4 && "
      "ffmpeg -v error -i face.avi -an -c:v copy mute.avi && ffmpeg -v error -i '" +
      demo + "' -an -c:v copy nobody.mp4");
  const Json frame = place.answer("frame.mp4");
  CHECK(frame["streams"]["face"]["frames"].size() == 1);
  CHECK(frame["streams"]["face"]["coverage"] == 1);
  CHECK(frame["fusion"]["streams"] == Json::array({"face"}));
  CHECK(warns(frame, "the face alone answers: "));
  const Json moment = place.answer("moment.mp4");
  CHECK(moment["fusion"]["streams"] == Json::array({"face"}));
  CHECK(warns(moment, "expected at least 0.31 s"));
  const Json both = place.answer("voice_and_frame.mp4");
  CHECK(both["streams"]["face"]["frames"].size() == 1);
  CHECK(both["fusion"]["streams"] == Json::array({"voice", "face"}));
  CHECK(place.answer("mute.avi")["fusion"]["streams"] == Json::array({"face"}));
  const Json voice = place.answer("voice.wav");
  CHECK(voice["fusion"]["streams"] == Json::array({"voice"}));
  CHECK(warns(voice, "the voice alone answers: voice.wav: found a media file without pictures"));
  CHECK(place.predict("nobody.mp4").code == 3);  // neither
  CHECK(place.run("limbic report nobody.mp4 -o page.html --face-weights face.h5").code == 3);
  CHECK_FALSE(std::filesystem::exists(place.folder() / "page.html"));
}

TEST_CASE("pictures larger than any film's are not decoded: the voice answers, or nobody") {
  const Workplace place;
  place.make(
      "ffmpeg -v error -f lavfi -i color=gray:s=16000x16000:r=1:d=1 -frames:v 1 -c:v mjpeg -q:v 31 huge.mkv && ffmpeg "
      "-v error -i voice.wav -i huge.mkv -map 0:a -map 1:v -c copy heard.mkv");
  const Json heard = place.answer("heard.mkv");
  CHECK(heard["fusion"]["streams"] == Json::array({"voice"}));
  CHECK(warns(heard, "the voice alone answers: heard.mkv: found "));
  const Run mute = place.predict("huge.mkv");
  CHECK(mute.code == 3);
  CHECK(Json::parse(mute.out)["results"][0]["error"].get<std::string>().find("without a sound track") !=
        std::string::npos);
}

TEST_CASE("a film that was recorded lying on its side has its face found upright") {
  const Workplace place;
  place.make(
      "ffmpeg -v error -i face.avi -vf transpose=1 -c:v libx264 -qp 8 -pix_fmt yuv420p lying.mp4 && ffmpeg -v error -i "
      "lying.mp4 -c copy -metadata:s:v rotate=90 phone.mp4");
  const Json phone = place.answer("phone.mp4")["streams"]["face"],
             upright = place.answer("face.avi")["streams"]["face"];
  CHECK(phone["coverage"].get<double>() >= 0.9);
  const auto box = phone["frames"][5]["box"].get<std::vector<int>>(),
             expected = upright["frames"][5]["box"].get<std::vector<int>>();
  for (size_t i = 0; i < 4; ++i) CHECK(std::abs(box[i] - expected[i]) <= 12);
  CHECK(place.answer("lying.mp4")["streams"]["face"]["coverage"].get<double>() < 0.5);
}

TEST_CASE("playlists, streams and names that are addresses open nothing, whatever they are called") {
  const Workplace place;
  const auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream(place.folder() / name) << content;
  };
  const std::string canary = (place.folder() / "voice.wav").string();  // would be an answer if it was opened
  write("hls.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + canary + "\n#EXT-X-ENDLIST\n");
  write("concat.avi", "ffconcat version 1.0\nfile '" + canary + "'\n");
  write("session.mkv", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n");
  write("dash.mov",
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
        "type=\"static\"><Period><AdaptationSet><Representation id=\"1\" mimeType=\"audio/wav\"><BaseURL>" +
            canary + "</BaseURL></Representation></AdaptationSet></Period></MPD>\n");
  write("picture.mp4", "<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"" + canary + "\"/></svg>\n");
  for (const std::string name : {"hls.mp4", "concat.avi", "session.mkv", "dash.mov", "picture.mp4", "concat:voice.wav",
                                 "file:voice.wav", "http://127.0.0.1:9/clip.mp4", "'concat:voice.wav|voice.wav'"}) {
    const Run run = place.predict(name);
    INFO(name << "\n" << run.out << run.err);
    CHECK(run.code == 3);
    const Json result = Json::parse(run.out)["results"][0];
    CHECK(result["status"] == "error");
    CHECK(result["streams"] == Json::object());
    CHECK(result["fusion"].is_null());
  }
}
