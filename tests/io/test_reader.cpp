// SPDX-License-Identifier: Apache-2.0
// The parent against children that misbehave: scripts that take limbic-reader's place.
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

#include "io/audio.h"
#include "io/hdf5.h"
#include "io/pictures.h"
#include "io/reader/process.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;
using reader::Header;
using reader::Kind;
using reader::Payload;

namespace {

const std::string clip = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";

std::string frame(Kind kind, const std::string& payload) {
  const Header header{reader::magic, kind, payload.size()};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + payload;
}

std::string hello() { return frame(Kind::hello, Payload().put<uint8_t>(1).put<uint8_t>(1).text("").bytes); }

std::string sound(int rate, double start_s = 0) {
  return frame(Kind::sound,
               Payload().put<int32_t>(rate).put<int32_t>(48000).put<int32_t>(1).put(start_s).text("x/y").bytes);
}

std::string samples(const std::vector<float>& values) {
  return frame(Kind::samples, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
}

std::string dataset(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape,
                    uint64_t offset) {
  Payload payload;
  payload.text(name).text(dtype).put(static_cast<uint32_t>(shape.size()));
  for (const int64_t size : shape) payload.put(size);
  return frame(Kind::dataset, payload.put(offset).bytes);
}

/// Executables that stand in for the readers: they say `messages`, then run `script`.
class FakeReader {
 public:
  FakeReader(const std::string& messages, const std::string& script)
      : environment_("LIMBIC_READER", scratch_ / reader::media_reader) {
    write_bytes(scratch_ / "messages", messages);
    for (const char* program : {reader::media_reader, reader::hdf5_reader}) {
      write_bytes(scratch_ / program,
                  std::string("#!/bin/sh\ncd '").append(scratch_ / "") + "'; cat messages >&4\n" + script + "\n");
      std::filesystem::permissions(scratch_ / program, std::filesystem::perms::owner_all);
    }
  }

 private:
  Scratch scratch_;
  Environment environment_;
};

std::string sound_error(const std::string& messages, const std::string& script = "exit 0") {
  const FakeReader fake(messages, script);
  return error_of(ExitCode::media, [] { decode_audio(clip, 32000, {.stall_s = 0.5}); });
}

}  // namespace

TEST_CASE("both readers start, and this host confines them") {
  const reader::Status status = reader::status(GENERATE(reader::media_reader, reader::yunet_reader, reader::hdf5_reader));
  INFO(status.path << " " << status.detail);
  CHECK(status.works);
  CHECK(status.no_new_privs);
  if (!status.seccomp) WARN("this host refuses a system-call filter: " << status.detail);
}

TEST_CASE("a confined reader can open, reach and change nothing") {
  const reader::Status status = reader::status(GENERATE(reader::media_reader, reader::yunet_reader, reader::hdf5_reader));
  if (!status.seccomp) {
    WARN("skipped: this host refuses a system-call filter: " << status.detail);
    return;
  }
  CHECK(status.attempts.size() == 12);
  for (const reader::Attempt& attempt : status.attempts) {
    INFO("limbic-reader tries to " << attempt.what);
    CHECK(attempt.error == EPERM);
  }
}

TEST_CASE("a reader that says of its pictures what cannot be is not believed") {
  const auto video = [](int width, int height) {
    return frame(Kind::video, Payload().put<int32_t>(width).put<int32_t>(height).text("x/y").bytes);
  };
  const auto picture = [](int64_t number, double pts, std::array<int, 4> box, size_t pixels) {
    Payload payload;
    payload.put(number).put(pts);
    for (const int edge : box) payload.put<int32_t>(edge);
    return frame(Kind::picture, payload.bytes + std::string(pixels, 'x'));
  };
  const auto read_all = [](const std::string& messages, bool all = false) {
    const FakeReader fake(hello() + messages + frame(Kind::end, ""), "exit 0");
    PictureStream stream(clip, {.side = 2, .all = all, .stall_s = 0.5});
    int frames = 0;
    for (Picture p; stream.next(p); ++frames) CHECK(p.pixels.size() == (p.found() ? 4u : 0u));
    return frames;
  };
  const std::string seen = picture(0, 0, {1, 1, 5, 5}, 4), empty = picture(1, 0.1, {}, 0);
  CHECK(read_all(video(10, 10) + seen + empty) == 2);
  CHECK(read_all(video(10, 10) + seen + seen + empty, true) == 3);  // two faces in frame 0
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& lie :
       {video(0, 10), video(10, 10) + picture(0, nan, {}, 0), video(10, 10) + picture(0, 0, {}, 4),
        video(10, 10) + picture(0, 0, {1, 1, 5, 5}, 3), video(10, 10) + picture(0, 0, {1, 1, 5, 0}, 4),
        video(10, 10) + picture(0, 0, {-1, 1, 5, 5}, 4), video(10, 10) + seen + seen, video(10, 10) + empty,
        video(10, 10) + samples({0}), sound(32000)}) {
    CHECK_THAT(error_of(ExitCode::media, [&] { read_all(lie); }),
               Catch::Contains("demo.mp4: found") && Catch::Contains("limbic-reader"));
  }
  for (const std::string& lie : {seen + empty + empty, picture(0, 0, {}, 0) + seen, seen + picture(0, 0, {}, 0)}) {
    CHECK_THAT(error_of(ExitCode::media, [&] { read_all(video(10, 10) + lie, true); }),
               Catch::Contains("limbic-reader"));
  }
}

TEST_CASE("a reader that always has one more thing to say is stopped") {
  const auto before = std::chrono::steady_clock::now();
  const std::string warning = frame(Kind::warning, Payload().text("and another thing").bytes);
  const FakeReader fake(hello() + sound(32000) + warning, "while tail -c " + std::to_string(warning.size()) +
                                                              " messages >&4; do sleep 0.1; done");
  CHECK_THAT(error_of(ExitCode::media, [] { decode_audio(clip, 32000, {.stall_s = 0.5}); }),
             Catch::Contains("takes limbic-reader too long"));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(60));
}

TEST_CASE("a reader that crashes, hangs, stops or is missing is one error line, and the next file is read") {
  CHECK_THAT(sound_error(hello(), "kill -SEGV $$"),
             Catch::Contains("demo.mp4: found") && Catch::Contains("crashed (SIGSEGV)"));
  CHECK_THAT(sound_error(hello() + sound(32000), "kill -XCPU $$"), Catch::Contains("processor time"));
  CHECK_THAT(sound_error(hello() + sound(32000), "exit 7"), Catch::Contains("exit status 7"));
  CHECK_THAT(sound_error("", "exit 0"), Catch::Contains("exit status 0"));
  const auto before = std::chrono::steady_clock::now();
  CHECK_THAT(sound_error(hello() + sound(32000), "sleep 30"), Catch::Contains("hung (no answer in 0.5 s)"));
  CHECK_THAT(sound_error(hello() + sound(32000), "exec 4>&-; sleep 30"), Catch::Contains("stopped without a word"));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  {
    const Environment nowhere("LIMBIC_READER", "/nonexistent/limbic-reader");
    CHECK_THAT(error_of(ExitCode::media, [] { decode_audio(clip, 32000); }),
               Catch::Contains("no way to start limbic-reader"));
    CHECK_FALSE(reader::status(reader::media_reader).works);
  }
  CHECK(decode_audio(clip, 32000).samples.size() > 32000);
}

TEST_CASE("nothing a reader says of sound is believed unchecked") {
  const std::vector<float> one = {0.5f};
  CHECK_THAT(sound_error("\x7f"
                         "ELF, something else altogether"),
             Catch::Contains("another language"));
  CHECK_THAT(sound_error(sound(32000)), Catch::Contains("another version"));
  CHECK_THAT(sound_error(hello() + samples(one)), Catch::Contains("does not describe"));
  CHECK_THAT(sound_error(hello() + sound(44100) + samples(one)), Catch::Contains("describes wrongly"));
  CHECK_THAT(sound_error(hello() + sound(32000, std::nan("")) + samples(one)), Catch::Contains("describes wrongly"));
  CHECK_THAT(sound_error(hello() + frame(Kind::sound, "short")), Catch::Contains("too short"));
  CHECK_THAT(sound_error(hello() + sound(32000) + frame(Kind::samples, "xyz")), Catch::Contains("garbled"));
  CHECK_THAT(sound_error(hello() + sound(32000) + frame(Kind::samples, "")), Catch::Contains("garbled"));
  CHECK_THAT(sound_error(hello() + sound(32000) + samples(std::vector<float>(reader::max_samples + 1))),
             Catch::Contains("garbled"));
  CHECK_THAT(sound_error(hello() + sound(32000) + samples({std::numeric_limits<float>::infinity()})),
             Catch::Contains("not finite"));
  CHECK_THAT(sound_error(hello() + sound(32000) + frame(Kind::end, "")), Catch::Contains("without samples"));
  CHECK_THAT(sound_error(hello() + frame(Kind::fault, Payload().put<uint32_t>(99).text("two\nlines \x1b[31m").bytes)),
             Catch::Contains("two?lines ?[31m"));
  Header huge{reader::magic, Kind::samples, uint64_t{1} << 62};
  CHECK_THAT(sound_error(hello() + sound(32000) + std::string(reinterpret_cast<const char*>(&huge), sizeof huge)),
             Catch::Contains("another language"));
}

TEST_CASE("nothing a reader says of datasets is believed unchecked") {
  const Scratch scratch;
  const float value = 1;
  write_hdf5(scratch / "a.h5", {{"w", "f32", {}, &value}}, {});
  const auto error = [&](const std::string& messages) {
    const FakeReader fake(hello() + messages + frame(Kind::end, ""), "exit 0");
    return error_of(ExitCode::weights, [&] { read_hdf5(scratch / "a.h5"); });
  };
  const uint64_t elsewhere = reader::elsewhere;
  CHECK_THAT(error(dataset("w", "f32", {int64_t{1} << 40}, 0)), Catch::Contains("a claim of"));
  CHECK_THAT(error(dataset("w", "f32", {4}, uint64_t{1} << 63)), Catch::Contains("a claim of"));
  CHECK_THAT(error(dataset("w", "f32", {int64_t{1} << 40}, elsewhere)), Catch::Contains("a claim of"));
  CHECK_THAT(error(dataset("w", "f32", {int64_t{1} << 40, int64_t{1} << 40}, elsewhere)),
             Catch::Contains("beyond any file"));
  CHECK_THAT(error(dataset("w", "f32", {-4}, 0)), Catch::Contains("beyond any file"));
  CHECK_THAT(error(dataset("w", "f128", {4}, 0)), Catch::Contains("garbled"));
  CHECK_THAT(error(dataset("w", "f32", {2}, 0) + dataset("w", "f32", {2}, 8)),
             Catch::Contains("two datasets called w"));
  CHECK_THAT(error(dataset("a\nb", "f32", {2}, 0)), Catch::Contains("no text"));
  CHECK_THAT(error(dataset("w", "f32", {2}, elsewhere)), Catch::Contains("ends early"));
  CHECK_THAT(error(dataset("w", "f32", {2}, elsewhere) + frame(Kind::elements, std::string(9, 'x'))),
             Catch::Contains("garbled"));
  CHECK_THAT(error(frame(Kind::elements, "x")), Catch::Contains("garbled"));
  std::string many;  // each fits into the file, together they do not
  for (int i = 0; i < 9; ++i) many += dataset(std::string("w").append(std::to_string(i)), "u8", {500}, 0);
  CHECK_THAT(error(many), Catch::Contains("a claim of 500 bytes"));
  std::string empty;  // takes no byte of the file, however many there are
  for (int i = 0; i <= 100000; ++i) empty += dataset(std::string("w").append(std::to_string(i)), "u8", {0}, 0);
  CHECK_THAT(error(empty), Catch::Contains("more than 100000 datasets"));
  std::string long_names;
  for (int i = 0; i < 5; ++i) long_names += dataset(std::string(15 << 20, static_cast<char>('a' + i)), "u8", {0}, 0);
  CHECK_THAT(error(long_names), Catch::Contains("texts of more than 64 MB"));
}
