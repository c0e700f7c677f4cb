// SPDX-License-Identifier: Apache-2.0
// `limbic report`: a page that is complete in itself.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/tools/face_weights.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool has(const std::string& text, const std::string& part) { return count(text, part) > 0; }

}  // namespace

TEST_CASE("a browser without a network draws the report") {
  const Scratch scratch;
  if (scratch.run("command -v chromium").code != 0) {
    WARN("skipped: no chromium, so no browser draws the report");
    return;
  }
  REQUIRE(scratch.run("limbic report '" LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4' -o page.html", 120).code == 0);
  CHECK(
      scratch
          .run("limbic report '" LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4' -o other.html --sequence-weights nowhere.h5")
          .code == 4);
  const Run drawn = scratch.run(
      "chromium --headless --no-sandbox --disable-gpu --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir=profile "
      "--window-size=1100,1600 --screenshot=page.png page.html > chromium.log 2>&1; "
      "ffmpeg -v error -i page.png -f rawvideo -pix_fmt gray page.gray",
      180);
  INFO(scratch.read("chromium.log") << drawn.err);
  const std::string pixels = scratch.read("page.gray");
  REQUIRE(pixels.size() == 1100 * 1600);
  std::set<char> greys(pixels.begin(), pixels.end());
  CHECK(greys.size() > 50);    // text, bars, a log-mel
  std::set<std::string> rows;  // and not one line of it
  for (size_t y = 0; y < 1600; ++y) rows.insert(pixels.substr(y * 1100, 1100));
  CHECK(rows.size() > 200);
}

TEST_CASE("a report shows both streams, where the nets looked, and their cards, and asks nothing of a network") {
  const Scratch scratch;
  limbic_test::write_untrained(scratch.folder() / "face.h5", "guided-stn", "grey-48-guided");
  limbic_test::write_untrained(scratch.folder() / "sequence.h5", "bilstm-attention", "",
                               "neutral,calm,happy,sad,angry,fearful,disgust,surprised");
  REQUIRE(scratch.run("limbic data synth toy --actors 1 --quiet && cp toy/Actor_01/01-01-03-01-01-01-01.avi '<b>&.avi'")
              .code == 0);
  const std::string command =
      "limbic report '<b>&.avi' -o page.html --json --face-weights face.h5 --sequence-weights sequence.h5";
  const Run run = scratch.run(command, 120);
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json told = Json::parse(run.out);
  CHECK(told["schema"] == "limbic.report/1");
  CHECK(told["report"] == "page.html");
  const std::string page = scratch.read("page.html");
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
  CHECK(page.ends_with("</body></html>\n"));
  CHECK(has(page, "&lt;b&gt;&amp;.avi: " + told["label"].get<std::string>()));
  CHECK_FALSE(has(page, "<b>"));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(std::regex_search(page, std::regex(R"((src|href)\s*=\s*"(?!data:image/png;base64,))")));
  CHECK_FALSE(has(page, "url("));
  for (const char* part :
       {"together: ", "voice: ", "face: ", "The clip", "Emotions over time", "What the voice net hears",
        "Where the face net looks", "its guide", "What a sequence net attends to", "The voice net", "The face net",
        "The sequence net", "coverage ", "CC BY-NC-SA 4.0", "made by a test"}) {
    INFO(part);
    CHECK(has(page, part));
  }
  CHECK(count(page, "alt=\"frame\"") >= 6);
  CHECK(count(page, "alt=\"face\"") % 3 == 0);  // face, guide and what was taken
  CHECK(count(page, "alt=\"face\"") >= 12);
  CHECK(count(page, "<title>surprised</title>") >= 3);  // a layer in each timeline
  // An untrained transformer looks at the whole: what it takes is what there was.
  std::smatch look;
  REQUIRE(std::regex_search(
      page, look,
      std::regex(R"re(alt="face" src="([^"]+)"><img alt="face" src="([^"]+)"><img alt="face" src="([^"]+)")re")));
  CHECK(look[1] == look[3]);
  CHECK(look[1] != look[2]);

  CHECK(scratch.run(command).code == 2);  // it is there already
  const Run other =
      scratch.run("limbic report '<b>&.avi' -o other.html --face-weights face.h5 --sequence-weights face.h5", 120);
  CHECK(other.code == 4);
  CHECK(other.err.find("expected a net with attention over the 50 numbers") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(scratch.folder() / "other.html"));
}

TEST_CASE("a report of a voice alone has no face in it") {
  const Scratch scratch;
  const Run run = scratch.run("limbic report '" LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4' -o page.html", 60);
  INFO(run.err);
  REQUIRE(run.code == 0);
  const std::string page = scratch.read("page.html");
  CHECK(has(page, "What the voice net hears"));
  CHECK_FALSE(has(page, "alt=\"face\""));
  CHECK(scratch.run("limbic report nowhere.mp4 -o other.html").code == 3);
  CHECK(scratch.run("limbic report -o other.html").code == 2);
}

TEST_CASE("bench clip tells every stage, the ratio to FFmpeg and the peak of memory") {
  const Scratch scratch;
  limbic_test::write_untrained(scratch.folder() / "face.h5", "no-stn", "grey-48");
  REQUIRE(scratch.run("limbic data synth toy --actors 1 --quiet").code == 0);
  const std::string command = "limbic bench clip toy/Actor_01/01-01-03-01-01-01-01.avi --quiet --repeats 2 ";
  const Run run = scratch.run(command + "--json --face-weights face.h5", 120);
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json told = Json::parse(run.out);
  CHECK(told["schema"] == "limbic.bench_clip/1");
  REQUIRE(told["stages"].size() == 6);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(told["stages"][i]["name"] ==
          std::vector<std::string>{"decode_sound", "voice", "decode_pictures", "detect", "face", "fusion"}[i]);
    CHECK(told["stages"][i]["ms"].get<double>() >= 0);
  }
  CHECK(told["predict_ms"].get<double>() > 0);
  CHECK(told["ratio"].get<double>() == Approx(told["predict_ms"].get<double>() / told["ffmpeg_ms"].get<double>()));
  CHECK(told["peak_rss_mib"].get<double>() > 20);
  CHECK(told["peak_rss_mib"].get<double>() < 4000);
  const Run text = scratch.run(command + "--face-weights face.h5", 120);
  CHECK(text.out.find("\nratio ") != std::string::npos);
  CHECK(scratch.run("limbic bench clip").code == 2);
  CHECK(scratch.run("limbic bench clip nowhere.mp4 --face-weights face.h5").code == 3);
  CHECK(scratch.run("limbic bench clip toy/Actor_01/03-01-03-01-01-01-01.wav --face-weights face.h5").code == 3);
}
