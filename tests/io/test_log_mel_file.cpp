// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>

#include "io/dataset.h"
#include "io/log_mel_file.h"
#include "tests/io/foreign.h"

using namespace limbic;
namespace fs = std::filesystem;

namespace {

const std::string place =
    (fs::temp_directory_path() / ("limbic_log_mel_" + std::to_string(getpid()) + ".logmel")).string();

/// Two clips of 3 and 2 frames, 4 mels.
LogMelFile two_clips() {
  LogMelFile file{
      .front_end = "panns-32k", .mels = 4, .clips = {{"a/1.wav", "sad", "1", {}}, {"b/2.wav", "calm", "2", {}}}};
  std::vector<std::vector<float>> maps(2);
  for (int i = 0; i < 12; ++i) maps[0].push_back(-100 + 10.3f * static_cast<float>(i));
  for (int i = 0; i < 8; ++i) maps[1].push_back(-7.7f * static_cast<float>(i));
  set_steps(file, maps);
  return file;
}

std::string written(const LogMelFile& file) {
  write_log_mels(place, file, true);
  const std::string bytes = read_bytes(place);
  fs::remove(place);
  return bytes;
}

LogMelFile parsed(const std::string& bytes) { return parse_log_mels(std::as_bytes(std::span(bytes)), "f"); }

template <class Number>
std::string with(std::string bytes, size_t at, Number value) {
  return bytes.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
}

// Where the numbers stand; README.md has the layout.
constexpr size_t version_at = 8, clips_at = 12, frames_at = 16, mels_at = 24, scale_at = 28, offset_at = 32,
                 front_end_at = 36, first_clip_at = 47;

}  // namespace

TEST_CASE("log-mels come back as they were written, within half a step, and the same content is the same file") {
  const LogMelFile file = two_clips();
  const std::string bytes = written(file);
  CHECK(written(two_clips()) == bytes);
  CHECK(bytes.size() == first_clip_at + 2 * 10 + std::string("a/1.wavsad1b/2.wavcalm2").size() + 20);
  const LogMelFile back = parsed(bytes);
  CHECK(back.front_end == "panns-32k");
  CHECK(back.mels == 4);
  REQUIRE(back.clips.size() == 2);
  CHECK((back.clips[1].name == "b/2.wav" && back.clips[1].label == "calm" && back.clips[1].actor == "2"));
  CHECK((back.frames(back.clips[0]) == 3 && back.frames(back.clips[1]) == 2));
  const auto first = back.decibels(back.clips[0]), second = back.decibels(back.clips[1]);
  CHECK(first[0] == -100);
  for (size_t i = 0; i < first.size(); ++i)
    CHECK(std::fabs(first[i] - (-100 + 10.3f * static_cast<float>(i))) <= 0.501f * back.scale);
  for (size_t i = 0; i < second.size(); ++i)
    CHECK(std::fabs(second[i] + 7.7f * static_cast<float>(i)) <= 0.501f * back.scale);
  CHECK(back.scale == Approx(113.3 / 255));
}

TEST_CASE("log-mels that are all alike have a step to count in") {
  LogMelFile file{.front_end = "panns-32k", .mels = 2, .clips = {{"a", "sad", "1", {}}}};
  set_steps(file, {{-100, -100}});
  CHECK(parsed(written(file)).decibels(file.clips[0]) == std::vector<float>{-100, -100});
}

TEST_CASE("an existing file is replaced with force only, and what could not be read again is not written") {
  LogMelFile file = two_clips();
  write_bytes(place, "mine");
  error_of(ExitCode::usage, [&] { write_log_mels(place, file); });
  CHECK(read_bytes(place) == "mine");
  for (const std::string& label : {std::string(), std::string("s\x1b[2Jad"), std::string(70000, 'x')}) {
    file.clips[0].label = label;
    CHECK(error_of(ExitCode::usage, [&] { write_log_mels(place, file, true); }).find("expected printable text") !=
          std::string::npos);
  }
  CHECK(read_bytes(place) == "mine");
  fs::remove(place);
}

TEST_CASE("every claim of a log-mel file is checked against its bytes") {
  const std::string good = written(two_clips());
  const auto refused = [&](const std::string& bytes, const std::string& part) {
    const std::string text = error_of(ExitCode::media, [&] { parsed(bytes); });
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  refused("", "found no LIMBICLM");
  refused("LIMBICLM", "ends too early");
  refused(with(good, version_at, uint32_t{2}), "found version 2, expected 1");
  refused(with(good, clips_at, uint32_t{0}), "found 0 clips");
  refused(with(good, clips_at, uint32_t{4000000000}), "found 4000000000 clips");
  refused(with(good, clips_at, uint32_t{1}), "found 3 frames in all clips, expected the header's 5");
  refused(with(good, clips_at, uint32_t{3}), "ends too early");
  refused(with(good, frames_at, uint64_t{6}), "found 5 frames in all clips, expected the header's 6");
  refused(with(good, frames_at, uint64_t{4}), "b/2.wav: found 2 frames, expected 1 to 1");
  refused(with(good, frames_at, ~uint64_t{0}), "frames of 4 mels");
  refused(with(good, mels_at, uint32_t{0}), "found 0 mels");
  refused(with(good, mels_at, uint32_t{4097}), "found 4097 mels");
  refused(with(good, mels_at, uint32_t{5}), "");
  for (const float scale : {0.0f, -1.0f, std::nanf(""), INFINITY, std::numeric_limits<float>::max()})
    refused(with(good, scale_at, scale), "expected finite numbers, the scale above 0");
  refused(with(good, offset_at, INFINITY), "expected finite numbers");
  refused(with(good, front_end_at, uint16_t{0}), "found the front end \"\"");
  refused(with(good, front_end_at, uint16_t{65535}), "ends too early");
  refused(with(good, first_clip_at, uint32_t{0}), "found 0 frames, expected 1 to 5");
  refused(with(good, first_clip_at, uint32_t{6}), "found 6 frames, expected 1 to 5");
  refused(with(good, first_clip_at + 6, '\n'), "expected printable text");
  refused(good + "x", "found 1 bytes behind the last clip");
  LogMelFile twice = two_clips();
  twice.clips[1].name = twice.clips[0].name;
  refused(written(twice), "found a second clip a/1.wav");
}

TEST_CASE("every cut of a log-mel file is refused, and every flipped bit read or refused") {
  const std::string good = written(two_clips());
  for (size_t length = 0; length < good.size(); ++length)
    error_of(ExitCode::media, [&] { parsed(good.substr(0, length)); });
  const auto read_or_refused = [](const std::string& bytes) {
    try {
      const LogMelFile file = parsed(bytes);
      for (const LogMelClip& clip : file.clips) file.decibels(clip);
      return true;
    } catch (const Error& error) {
      CHECK(error.code == ExitCode::media);
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      return false;
    }
  };
  int read = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string mutant = good;
    mutant[bit / 8] = static_cast<char>(mutant[bit / 8] ^ 1 << bit % 8);
    read += read_or_refused(mutant);
  }
  CHECK(read >= 20 * 8);  // a flipped bit of a value is another value
  for (uint64_t seed = 0; seed < 20000; ++seed) read_or_refused(mutated(good, seed));
}

TEST_CASE("a log-mel file is a data set") {
  write_log_mels(place, two_clips(), true);
  const Dataset data = read_dataset(place);
  CHECK(data.labels == std::vector<std::string>{"calm", "sad"});
  REQUIRE(data.clips.size() == 2);
  CHECK((data.clips[1].path == place && data.clips[1].name == "b/2.wav" && data.clips[1].group == "2" &&
         data.clips[1].map == 1 && data.clips[1].frame == -1));
  write_bytes(place, read_bytes(place).substr(0, 60));
  error_of(ExitCode::media, [] { read_dataset(place); });
  fs::remove(place);
}
