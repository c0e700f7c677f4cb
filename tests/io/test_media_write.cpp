// SPDX-License-Identifier: Apache-2.0
// What limbic writes for eyes and ears is what others read.
#include <catch2/catch.hpp>

#include "engine/random.h"
#include "io/audio.h"
#include "io/media_write.h"
#include "io/pictures.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

std::vector<uint8_t> noise(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& v : bytes) v = static_cast<uint8_t>(random.below(256));
  return bytes;
}

std::vector<int16_t> tone(size_t count) {
  Random random(7);
  std::vector<int16_t> samples(count);
  for (int16_t& v : samples) v = static_cast<int16_t>(random.below(40000) - 20000);
  return samples;
}

void check_samples(const std::string& path, const std::vector<int16_t>& samples, int rate) {
  const Audio sound = decode_audio(path, 0);
  CHECK(sound.sample_rate == rate);
  REQUIRE(sound.samples.size() == samples.size());
  double worst = 0;
  for (size_t i = 0; i < samples.size(); ++i)
    worst = std::max(worst, std::abs(double{sound.samples[i]} - samples[i] / 32768.0));
  CHECK(worst < 1e-6);
}

}  // namespace

TEST_CASE("a film of PNGs in an AVI is read back pixel by pixel and sample by sample, in step") {
  const Scratch scratch;
  constexpr int side = 31, frames = 9;  // odd rows and chunks
  Film film{side, side, 12, {}, 16000, tone(12001)};
  std::vector<std::vector<uint8_t>> pictures;
  for (int i = 0; i < frames; ++i) {
    pictures.push_back(noise(side * side * 3, 10 + static_cast<uint64_t>(i)));
    film.frames.push_back(png_file(pictures.back().data(), side, side, 3));
  }
  write_bytes(scratch / "film.avi", avi_file(film));
  PictureStream stream(scratch / "film.avi", {.side = side, .cut = Cut::whole, .colour = true});
  CHECK(stream.format() == "avi/png");
  CHECK(stream.width() == side);
  int seen = 0;
  for (Picture picture; stream.next(picture); ++seen) {
    REQUIRE(seen < frames);
    CHECK(picture.frame == seen);
    CHECK(picture.pts_s == Approx(seen / 12.0).margin(1e-5));
    CHECK(picture.pixels == pictures[static_cast<size_t>(seen)]);
  }
  CHECK(seen == frames);
  CHECK(stream.warnings().empty());
  check_samples(scratch / "film.avi", film.sound, 16000);
}

TEST_CASE("a film without sound, a grey PNG and a WAV are what their readers expect") {
  const Scratch scratch;
  const std::vector<uint8_t> pixels = noise(5 * 4 * 3, 3);
  write_bytes(scratch / "mute.avi", avi_file({5, 4, 10, {png_file(pixels.data(), 5, 4, 3)}, 16000, {}}));
  PictureStream stream(scratch / "mute.avi", {.side = 1, .cut = Cut::whole});
  CHECK(stream.width() == 5);
  CHECK(stream.height() == 4);
  CHECK(error_of(ExitCode::media, [&] { decode_audio(scratch / "mute.avi", 0); }).find("without a sound track") !=
        std::string::npos);
  const std::string grey = png_file(pixels.data(), 5, 4, 1);
  CHECK(grey.substr(1, 3) == "PNG");
  CHECK(grey[25] == 0);  // colour type: grey
  CHECK(png_file(pixels.data(), 5, 4, 3)[25] == 2);
  CHECK_THROWS_AS(png_file(pixels.data(), 5, 4, 2), Error);
  CHECK_THROWS_AS(png_file(pixels.data(), 0, 4, 3), Error);
  const std::vector<int16_t> samples = tone(1001);
  write_bytes(scratch / "tone.wav", wav_file(samples, 22050));
  check_samples(scratch / "tone.wav", samples, 22050);
}
