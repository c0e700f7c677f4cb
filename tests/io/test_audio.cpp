// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include "io/audio.h"
#include "tests/data_folder.h"
#include "tests/io/ffmpeg.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// A RIFF/WAVE file of interleaved samples: int16_t as PCM, float as IEEE.
template <class T>
std::string wav(const std::vector<T>& samples, int rate, int channels = 1) {
  const auto bytes = static_cast<uint32_t>(samples.size() * sizeof(T));
  const uint16_t frame = static_cast<uint16_t>(channels * static_cast<int>(sizeof(T)));
  std::string file = "RIFF";
  put<uint32_t>(file, 36 + bytes);
  file += "WAVEfmt ";
  put<uint32_t>(file, 16);
  put<uint16_t>(file, std::is_same_v<T, float> ? 3 : 1);
  put<uint16_t>(file, static_cast<uint16_t>(channels));
  put<uint32_t>(file, static_cast<uint32_t>(rate));
  put<uint32_t>(file, static_cast<uint32_t>(rate) * frame);
  put<uint16_t>(file, frame);
  put<uint16_t>(file, 8 * sizeof(T));
  file += "data";
  put<uint32_t>(file, bytes);
  file.append(reinterpret_cast<const char*>(samples.data()), bytes);
  return file;
}

std::vector<float> sine(double hertz, int rate, double seconds, double level = 0.5) {
  std::vector<float> samples(static_cast<size_t>(std::llround(seconds * rate)));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<float>(level * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / rate));
  }
  return samples;
}

double rms(const std::vector<float>& samples, size_t skip = 0) {
  double sum = 0;
  for (size_t i = skip; i + skip < samples.size(); ++i) sum += double{samples[i]} * samples[i];
  return std::sqrt(sum / static_cast<double>(samples.size() - 2 * skip));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool warns(const Audio& audio, const std::string& text) {
  return std::any_of(audio.warnings.begin(), audio.warnings.end(),
                     [&](const std::string& w) { return w.find(text) != std::string::npos; });
}

std::string media_error(const std::string& path, MediaFault fault) {
  const std::string text = error_of(ExitCode::media, [&] { decode_audio(path, 32000); });
  try {
    decode_audio(path, 32000);
  } catch (const MediaError& error) {
    INFO(text);
    CHECK(error.fault == fault);
    CHECK(text.rfind(path + ": found ", 0) == 0);
    CHECK(text.find(", expected ") != std::string::npos);
  }
  return text;
}

}  // namespace

TEST_CASE("PCM at its own rate comes through bit for bit") {
  const Scratch scratch;
  std::vector<int16_t> samples(5000);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<int16_t>(i * 7919 - 32768);
  write_bytes(scratch / "a.wav", wav(samples, 44100));
  for (const int rate : {0, 44100}) {
    const Audio audio = decode_audio(scratch / "a.wav", rate);
    REQUIRE(audio.samples.size() == samples.size());
    for (size_t i = 0; i < samples.size(); ++i) REQUIRE(audio.samples[i] == static_cast<float>(samples[i]) / 32768);
    CHECK(audio.sample_rate == 44100);
    CHECK(audio.source_rate == 44100);
    CHECK(audio.source_channels == 1);
    CHECK(audio.start_s == 0);
    CHECK(audio.duration_s == 5000.0 / 44100);
    CHECK(audio.format == "wav/pcm_s16le");
    CHECK(audio.warnings.empty());
  }
}

TEST_CASE("channels are averaged") {
  const Scratch scratch;
  std::vector<float> stereo;
  for (int i = 0; i < 1000; ++i) stereo.insert(stereo.end(), {0.001f * static_cast<float>(i), -0.5f});
  write_bytes(scratch / "a.wav", wav(stereo, 16000, 2));
  const Audio audio = decode_audio(scratch / "a.wav", 16000);
  REQUIRE(audio.samples.size() == 1000);
  for (size_t i = 0; i < 1000; ++i) REQUIRE(audio.samples[i] == (stereo[2 * i] + -0.5f) / 2);
  CHECK(audio.source_channels == 2);
}

TEST_CASE("the resampler keeps time, level and band") {
  const Scratch scratch;
  const auto resampled = [&](double hertz, int from, int to) {
    write_bytes(scratch / "a.wav", wav(sine(hertz, from, 2), from));
    Audio audio = decode_audio(scratch / "a.wav", to);
    CHECK(std::abs(audio.duration_s - 2) < 1e-3);
    return audio.samples;
  };
  for (const auto& [from, to] :
       {std::pair{48000, 32000}, {44100, 32000}, {48000, 16000}, {16000, 32000}, {44100, 48000}, {8000, 32000}}) {
    // In the band the result is the same sine, not shifted by a fraction of a sample.
    const double hertz = 0.11 * std::min(from, to);
    const std::vector<float> got = resampled(hertz, from, to), expected = sine(hertz, to, 2);
    double worst = 0;
    for (size_t i = 500; i + 500 < expected.size(); ++i)
      worst = std::max(worst, std::abs(double{got[i]} - expected[i]));
    INFO(from << " -> " << to << " Hz, worst sample off by " << worst);
    CHECK(worst < 1e-4);
  }
  // 0.9 of the half rate passes; what would fold back does not.
  CHECK(20 * std::log10(rms(resampled(14400, 48000, 32000), 500) / rms(sine(14400, 32000, 2))) ==
        Approx(0).margin(0.1));
  CHECK(20 * std::log10(rms(resampled(16100, 48000, 32000), 500) / 0.3536) < -80);
  CHECK(20 * std::log10(rms(resampled(20000, 48000, 32000), 500) / 0.3536) < -80);
}

TEST_CASE("a sound read piece by piece is the same, bit for bit, as read whole, and twice the same") {
  const Scratch scratch;
  write_bytes(scratch / "long.wav", wav(sine(440, 48000, 30), 48000));
  for (const std::string& path : {scratch / "long.wav", demo}) {
    const Audio whole = decode_audio(path, 32000);
    CHECK(same_bits(whole.samples, decode_audio(path, 32000).samples));
    AudioStream stream(path, 32000);
    std::vector<float> all, piece;
    while (stream.next(piece)) {
      CHECK(piece.size() <= 65536);
      all.insert(all.end(), piece.begin(), piece.end());
      piece.clear();
    }
    CHECK_FALSE(stream.next(piece));
    CHECK(same_bits(whole.samples, all));
    CHECK(stream.info().duration_s == whole.duration_s);
    CHECK(stream.info().warnings == whole.warnings);
  }
}

TEST_CASE("a stream that is not read to its end is let go") {
  const Scratch scratch;
  write_bytes(scratch / "long.wav", wav(sine(440, 48000, 60), 48000));
  std::vector<float> piece;
  AudioStream stream(scratch / "long.wav", 32000);
  CHECK(stream.next(piece));
  AudioStream other(demo, 32000);
  stream = std::move(other);
  CHECK(stream.next(piece));
}

TEST_CASE("every usual container and codec gives the same tone, at its true time") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  write_bytes(scratch / "tone.wav", wav(sine(500, 48000, 2), 48000));
  const std::pair<const char*, const char*> kinds[] = {{"a.wav", "-c:a pcm_s24le"},
                                                       {"u8.wav", "-c:a pcm_u8"},
                                                       {"a.flac", ""},
                                                       {"a.mp3", "-b:a 128k"},
                                                       {"a.m4a", "-c:a aac"},
                                                       {"alac.m4a", "-c:a alac"},
                                                       {"a.mov", "-c:a pcm_s16be"},
                                                       {"a.mkv", "-c:a flac"},
                                                       {"a.webm", "-c:a libopus"},
                                                       {"a.ogg", "-c:a libvorbis"},
                                                       {"opus.ogg", "-c:a libopus"},
                                                       {"a.avi", "-c:a pcm_s16le"},
                                                       {"a.ts", "-c:a aac"},
                                                       {"mp2.ts", "-c:a mp2"},
                                                       {"a.mpg", "-c:a mp2"},
                                                       {"a.flv", "-c:a aac -ar 44100"},
                                                       {"a.wma", "-c:a wmav2"},
                                                       {"a.aac", "-c:a aac"},
                                                       {"ac3.mp4", "-c:a ac3"}};
  for (const auto& [name, codec] : kinds) {
    ffmpeg("-i " + scratch / "tone.wav" + " " + codec + " " + scratch / name);
    INFO(name);
    const Audio audio = decode_audio(scratch / name, 32000);
    for (const std::string& warning : audio.warnings) UNSCOPED_INFO(warning);
    CHECK(audio.warnings.empty());
    CHECK(std::abs(audio.start_s) < 0.1);  // FFmpeg's WMA decoder drops its first two frames
    CHECK(audio.duration_s == Approx(2).margin(0.12));
    CHECK(rms(audio.samples, 4000) == Approx(0.5 / std::numbers::sqrt2).epsilon(0.06));  // LAME encodes at 0.95
  }
}

TEST_CASE("the sound's start and its holes are told from the file's clock") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i testsrc=s=64x64:d=2:r=10 -itsoffset 0.5 -f lavfi -i sine=d=1:r=48000 -c:v mpeg4 -c:a aac " +
         scratch / "late.mp4");
  CHECK(decode_audio(scratch / "late.mp4", 16000).start_s == Approx(0.5).margin(0.03));
  ffmpeg("-f lavfi -i sine=d=3:r=48000 -af \"aselect='not(between(t,1,1.5))'\" -c:a pcm_s16le " + scratch / "hole.mkv");
  const Audio hole = decode_audio(scratch / "hole.mkv", 16000);
  CHECK(hole.duration_s == Approx(3).margin(0.05));
  CHECK(warns(hole, "missing at 1.0"));
  CHECK(std::all_of(hole.samples.begin() + 18000, hole.samples.begin() + 22000, [](float x) { return x == 0; }));
}

TEST_CASE("odd sounds are read with a warning") {
  const Scratch scratch;
  write_bytes(scratch / "silence.wav", wav(std::vector<int16_t>(16000), 16000));
  CHECK(warns(decode_audio(scratch / "silence.wav", 16000), "silence"));
  write_bytes(scratch / "8k.wav", wav(sine(440, 8000, 1), 8000));
  CHECK(warns(decode_audio(scratch / "8k.wav", 32000), "sound of 8000 Hz brought up to 32000 Hz"));
  write_bytes(scratch / "96k.wav", wav(std::vector<float>(6 * 96000, 0.25f), 96000, 6));
  const Audio many = decode_audio(scratch / "96k.wav", 32000);
  CHECK(warns(many, "6 channels mixed to one"));
  CHECK(warns(many, "96000 Hz"));
  CHECK(many.source_channels == 6);
  CHECK(many.duration_s == Approx(1).margin(1e-3));
  CHECK(many.samples[16000] == Approx(0.25f).margin(1e-5));
  write_bytes(scratch / "short.wav", wav(sine(440, 16000, 0.1), 16000));
  CHECK(decode_audio(scratch / "short.wav", 16000).samples.size() == 1600);
  const std::string whole = wav(sine(440, 16000, 3), 16000);
  write_bytes(scratch / "cut.wav", whole.substr(0, whole.size() / 2));
  const Audio cut = decode_audio(scratch / "cut.wav", 16000);
  CHECK(cut.duration_s == Approx(1.5).margin(0.01));
}

TEST_CASE("samples that are no numbers are an error that says when") {
  const Scratch scratch;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> samples = sine(440, 16000, 1);
    samples[8000] = bad;
    write_bytes(scratch / "bad.wav", wav(samples, 16000));
    CHECK_THAT(media_error(scratch / "bad.wav", MediaFault::bad_samples),
               Catch::Contains("sample at 0.50 s, expected finite samples"));
  }
}

TEST_CASE("what is no sound is named, and nothing hangs") {
  const Scratch scratch;
  const auto before = std::chrono::steady_clock::now();
  write_bytes(scratch / "empty.mp4", "");
  write_bytes(scratch / "text.mp4", "This is a text that calls itself a clip.\n");
  write_bytes(scratch / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + demo + "\n#EXT-X-ENDLIST\n");
  write_bytes(scratch / "list.mp4", "ffconcat version 1.0\nfile '" + demo + "'\n");
  write_bytes(scratch / "sdp.mp4",
              "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n");
  write_bytes(scratch / "noise.mp4", mutated(std::string(5000, 'x'), 3));
  REQUIRE(::system(("mkfifo " + (scratch / "fifo.mp4")).c_str()) == 0);
  CHECK_THAT(media_error(scratch / "none.mp4", MediaFault::unreadable), Catch::Contains("found no such file"));
  CHECK_THAT(media_error(scratch / "empty.mp4", MediaFault::unreadable), Catch::Contains("found an empty file"));
  CHECK_THAT(media_error(scratch.folder(), MediaFault::unreadable), Catch::Contains("found a directory"));
  CHECK_THAT(media_error(scratch / "fifo.mp4", MediaFault::unreadable), Catch::Contains("found a FIFO"));
  CHECK_THAT(media_error("/dev/zero", MediaFault::unreadable), Catch::Contains("found a device"));
  CHECK_THAT(media_error(scratch / "text.mp4", MediaFault::not_media),
             Catch::Contains("found data of no known format"));
  CHECK_THAT(media_error(scratch / "list.m3u8", MediaFault::not_media), Catch::Contains("found a playlist (hls)"));
  CHECK_THAT(media_error(scratch / "list.mp4", MediaFault::not_media), Catch::Contains("found a playlist (concat)"));
  CHECK_THAT(media_error(scratch / "sdp.mp4", MediaFault::not_media), Catch::Contains("found a playlist (sdp)"));
  media_error(scratch / "noise.mp4", MediaFault::not_media);
  // A name that is a protocol or a command to FFmpeg is only a name here.
  CHECK_THAT(error_of(ExitCode::media, [] { decode_audio("concat:a.wav|b.wav", 0); }), Catch::Contains("no such file"));
  write_bytes(scratch / "data:audio", wav(sine(440, 16000, 1), 16000));
  CHECK(decode_audio(scratch / "data:audio", 16000).samples.size() == 16000);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
}

TEST_CASE("pictures and silent films are named") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  for (const char* picture : {"a.png", "a.jpg", "a.bmp", "a.gif", "a.webp"}) {
    ffmpeg("-f lavfi -i testsrc=s=64x64:d=1:r=1 -frames:v 1 -update 1 " + scratch / picture);
    INFO(picture);
    CHECK_THAT(media_error(scratch / picture, MediaFault::not_media), Catch::Contains("found a still image"));
  }
  ffmpeg("-f lavfi -i testsrc=s=64x64:d=1:r=10 -c:v mpeg4 " + scratch / "film.mp4");
  CHECK_THAT(media_error(scratch / "film.mp4", MediaFault::no_audio),
             Catch::Contains("found a video without a sound track, expected a sound track"));
}

TEST_CASE("too much sound is an error, whatever the file claims") {
  const Scratch scratch;
  std::string file = wav(sine(440, 16000, 3), 16000);
  const uint32_t small = 2000;
  std::memcpy(file.data() + 4, &small, 4);
  write_bytes(scratch / "a.wav", file);
  CHECK_THAT(error_of(ExitCode::media, [&] { decode_audio(scratch / "a.wav", 16000, {.max_seconds = 1}); }),
             Catch::Contains("found more than 1 s of sound"));
  CHECK(decode_audio(scratch / "a.wav", 16000, {.max_seconds = 3}).duration_s == 3);
}

TEST_CASE("truncated and mutated clips end in sound or in one error line, never in a crash or a hang") {
  const Scratch scratch;
  const std::string path = scratch / "bad.mp4";
  int refused = 0, read = 0, warned = 0;
  const auto attempt = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    try {
      const Audio audio = decode_audio(path, 16000);
      ++read;
      warned += !audio.warnings.empty();
    } catch (const MediaError& error) {
      ++refused;
      INFO(error.what());
      CHECK(error.fault != MediaFault::reader);
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
    }
  };
  const std::string mp4 = read_bytes(demo);
  for (size_t i = 0; i < 12; ++i) attempt(mp4.substr(0, 1 + mp4.size() * i / 12));
  CHECK(refused > 0);
  for (uint64_t seed = 0; seed < 60; ++seed) attempt(mutated(mp4, seed));
  const std::string pcm = wav(sine(440, 16000, 1), 16000);
  for (uint64_t seed = 100; seed < 120; ++seed) attempt(mutated(pcm, seed));
  CHECK(read > 20);
  CHECK(warned > 0);
}

TEST_CASE("a clip that cannot be read does not stop those after it") {
  const Scratch scratch;
  write_bytes(scratch / "bad.mp4", read_bytes(demo).substr(0, 300));
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(decode_audio(scratch / "bad.mp4", 32000), MediaError);
    CHECK(decode_audio(demo, 32000).duration_s == Approx(3.6).margin(0.1));
  }
}

TEST_CASE("real clips are read: RAVDESS in mp4 and flac") {
  const std::string films = data_file("ravdess_av");
  const std::string flac = data_file("ravdess_speech/Actor_01/03-01-01-01-01-01-01.flac");
  if (films.empty() || flac.empty()) return;
  int clips = 0;
  for (const auto& entry : std::filesystem::directory_iterator(films)) {
    const Audio audio = decode_audio(entry.path().string(), 32000);
    INFO(entry.path());
    CHECK(audio.format == "mov/aac");
    CHECK(audio.source_rate == 48000);
    CHECK(audio.source_channels == 2);
    CHECK(audio.duration_s == Approx(3.25).margin(0.3));
    CHECK(rms(audio.samples) > 1e-3);
    CHECK(audio.warnings.empty());
    ++clips;
  }
  CHECK(clips == 5);
  const Audio speech = decode_audio(flac, 0);
  CHECK(speech.sample_rate == 48000);
  CHECK(speech.samples.size() == 158558);
}
