// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <vector>

#include "io/clip_stream.h"
#include "tests/data_folder.h"
#include "tests/io/ffmpeg.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

struct Film {
  int width = 0, height = 0;
  std::string format;
  std::vector<Picture> pictures;
  std::vector<std::string> warnings;
  double coverage() const {
    return static_cast<double>(
               std::count_if(pictures.begin(), pictures.end(), [](const Picture& p) { return p.found(); })) /
           static_cast<double>(pictures.size());
  }
};

Film read_film(const std::string& path, const PictureOptions& options) {
  PictureStream stream(path, options);
  Film film{stream.width(), stream.height(), stream.format(), {}, {}};
  for (Picture picture; stream.next(picture);) film.pictures.push_back(picture);
  film.warnings = stream.warnings();
  return film;
}

MediaFault fault_of(const std::string& path) {
  try {
    read_film(path, {});
  } catch (const MediaError& error) {
    const std::string text = error.what();
    INFO(text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 0);
    CHECK(text.find(": found ") != std::string::npos);
    return error.fault;
  }
  FAIL(path << ": no error");
  return {};
}

// Intersection over union.
double overlap(const std::array<int, 4>& a, const std::array<int, 4>& b) {
  const double w = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]),
               h = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  return w * h / (1.0 * a[2] * a[3] + 1.0 * b[2] * b[3] - w * h);
}

}  // namespace

TEST_CASE("pictures have the film's own times, also where its rate varies and it begins late") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i testsrc=s=64x48:r=10:d=1 -vf \"select='not(between(n,2,4))'\" -vsync vfr -c:v mpeg4 " +
         scratch / "varied.mkv");
  const Film film = read_film(scratch / "varied.mkv", {.side = 8, .cut = Cut::whole});
  CHECK(film.width == 64);
  CHECK(film.height == 48);
  CHECK(film.format == "matroska/mpeg4");
  REQUIRE(film.pictures.size() == 7);
  const double times[] = {0, 0.1, 0.5, 0.6, 0.7, 0.8, 0.9};
  for (size_t i = 0; i < 7; ++i) {
    CHECK(film.pictures[i].pts_s == Approx(times[i]).margin(1e-3));
    CHECK(film.pictures[i].box == std::array<int, 4>{0, 0, 64, 48});
    CHECK(film.pictures[i].pixels.size() == 64);
  }
  // Sound from 0, pictures from 0.5 s on: one clock for both.
  ffmpeg("-itsoffset 0.5 -f lavfi -i testsrc=s=64x48:r=10:d=1 -f lavfi -i sine=d=2 -c:v mpeg4 -c:a aac " +
         scratch / "late.mkv");
  CHECK(read_film(scratch / "late.mkv", {.cut = Cut::whole}).pictures.at(0).pts_s == Approx(0.5).margin(0.03));
}

TEST_CASE("pictures are grey of the full range, and stand as a player shows them") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg(
      "-f lavfi -i color=white:s=64x64:r=5:d=0.4 -f lavfi -i color=black:s=64x64:r=5:d=0.4 -filter_complex hstack "
      "-pix_fmt yuv420p -c:v libx264 -qp 0 " +
      scratch / "halves.mp4");
  const auto at = [](const Film& film, int x, int y) {
    return int{film.pictures.at(0).pixels[static_cast<size_t>(16 * y + x)]};
  };
  const Film film = read_film(scratch / "halves.mp4", {.side = 16, .cut = Cut::whole});
  CHECK(film.pictures.size() == 2);
  CHECK(film.width == 128);
  CHECK(at(film, 2, 8) >= 254);          // 235 of television's range
  CHECK(at(film, 13, 8) <= 1);           // 16
  for (const bool up : {true, false}) {  // ffmpeg, which turns pictures by itself, shows the same
    ffmpeg("-i " + scratch / "halves.mp4" + " -c copy -metadata:s:v rotate=" + (up ? "270 " : "90 ") +
           scratch / "turned.mp4");
    const Film turned = read_film(scratch / "turned.mp4", {.side = 16, .cut = Cut::whole});
    CHECK(turned.width == 64);
    CHECK(turned.height == 128);
    CHECK(turned.pictures.at(0).box == std::array<int, 4>{0, 0, 64, 128});
    CHECK(at(turned, 8, up ? 2 : 13) >= 254);  // left has become top, or bottom
    CHECK(at(turned, 8, up ? 13 : 2) <= 1);
  }
  ffmpeg("-i " + scratch / "halves.mp4" + " -c copy -metadata:s:v rotate=180 " + scratch / "over.mp4");
  CHECK(at(read_film(scratch / "over.mp4", {.side = 16, .cut = Cut::whole}), 13, 8) >= 254);
}

TEST_CASE("frames without a face are told, not skipped") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i testsrc2=s=320x240:r=10:d=1 -c:v mpeg4 " + scratch / "bars.mp4");
  for (const Cut cut : {Cut::face, Cut::face_every}) {
    const Film film = read_film(scratch / "bars.mp4", {.cut = cut});
    CHECK(film.pictures.size() == 10);
    CHECK(film.coverage() == 0);
    for (const Picture& picture : film.pictures) CHECK(picture.pixels.empty());
  }
}

TEST_CASE("what has no moving pictures, too large ones or broken ones is one line") {
  CHECK(fault_of("nowhere.mp4") == MediaFault::unreadable);
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i sine=d=1 " + scratch / "tone.wav");
  CHECK(fault_of(scratch / "tone.wav") == MediaFault::no_video);
  ffmpeg("-f lavfi -i testsrc=s=64x64 -frames:v 1 " + scratch / "still.png");
  CHECK(fault_of(scratch / "still.png") == MediaFault::not_media);
  ffmpeg("-i " + scratch / "tone.wav" + " -i " + scratch / "still.png" +
         " -map 0 -map 1 -c:a mp3 -c:v copy -disposition:v attached_pic " + scratch / "cover.mp3");
  CHECK(fault_of(scratch / "cover.mp3") == MediaFault::no_video);
  ffmpeg("-f lavfi -i color=gray:s=8192x4096:r=1:d=1 -c:v mjpeg " + scratch / "vast.mkv");
  CHECK(fault_of(scratch / "vast.mkv") == MediaFault::too_large);
  write_bytes(scratch / "list.mp4", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n");
  CHECK(fault_of(scratch / "list.mp4") == MediaFault::not_media);
  ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=2 -c:v libx264 " + scratch / "whole.mp4");
  const std::string bytes = read_bytes(scratch / "whole.mp4");
  write_bytes(scratch / "cut.mp4", bytes.substr(0, bytes.size() / 2));  // its index stood at the end
  CHECK(fault_of(scratch / "cut.mp4") == MediaFault::damaged);
  CHECK(error_of(ExitCode::usage, [&] { read_film(scratch / "whole.mp4", {.side = 0}); }).find("side 0") !=
        std::string::npos);
}

TEST_CASE("a changed film ends in pictures or in one line") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i testsrc=s=64x64:r=10:d=1 -c:v libx264 " + scratch / "film.mp4");
  const std::string bytes = read_bytes(scratch / "film.mp4");
  int read = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    write_bytes(scratch / "changed.mp4", mutated(bytes, seed));
    try {
      read_film(scratch / "changed.mp4", {.cut = Cut::whole});
      ++read;
    } catch (const MediaError& error) {
      CHECK(std::string(error.what()).find("crashed") == std::string::npos);
      ++refused;
    }
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("the face of every RAVDESS clip is found, and following it finds the same one") {
  const std::string folder = data_file("ravdess_av");
  if (folder.empty()) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    INFO(entry.path());
    const Film followed = read_film(entry.path(), {.side = 48});
    CHECK(followed.width == 1280);
    CHECK(followed.height == 720);
    CHECK(followed.pictures.size() > 80);
    CHECK(followed.coverage() >= 0.95);
    const Film searched = read_film(entry.path(), {.side = 112, .cut = Cut::face_every});
    CHECK(searched.coverage() >= 0.95);
    REQUIRE(searched.pictures.size() == followed.pictures.size());
    for (size_t i = 0; i < searched.pictures.size(); ++i) {
      const Picture &a = followed.pictures[i], &b = searched.pictures[i];
      CHECK(a.pts_s == b.pts_s);
      if (a.found() && b.found()) CHECK(overlap(a.box, b.box) > 0.6);
      if (b.found()) CHECK(b.pixels.size() == 112u * 112);
    }
    break;  // the others are seen by the test of predict
  }
}

TEST_CASE("a clip's sound and pictures by one reader are those of two") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  const std::string both = scratch / "both.mp4", mute = scratch / "mute.mp4";
  ffmpeg("-f lavfi -i testsrc=s=64x48:r=10:d=1 -f lavfi -i sine=d=1 -c:v mpeg4 -c:a aac " + both);
  ffmpeg("-i " + both + " -an -c:v copy " + mute);
  const PictureOptions whole{.side = 8, .cut = Cut::whole};
  ClipStream clip(both, 16000, whole);
  AudioStream sound = clip.sound();
  std::vector<float> samples;
  while (sound.next(samples)) continue;
  CHECK(samples == decode_audio(both, 16000).samples);
  const Film alone = read_film(both, whole);
  PictureStream film = clip.pictures();
  size_t frames = 0;
  for (Picture picture; film.next(picture); ++frames) CHECK(picture.pixels == alone.pictures.at(frames).pixels);
  CHECK(frames == alone.pictures.size());

  ClipStream silent(mute, 16000, whole);
  CHECK_THROWS_AS(silent.sound(), MediaError);
  Picture picture;
  CHECK(silent.pictures().next(picture));
}

TEST_CASE("grey is what FFmpeg makes of a frame, though only the luma of what is cut out is looked at") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  const auto grey = [&](const std::string& format) {
    const std::string path = scratch / (format + ".mkv");
    ffmpeg("-f lavfi -i testsrc2=s=64x64:r=5:d=0.4 -pix_fmt " + format + " -c:v ffv1 " + path);
    return read_film(path, {.side = 64, .cut = Cut::whole}).pictures.at(0).pixels;
  };
  const std::string reference = scratch / "grey.raw";
  for (const char* format : {"yuv420p", "yuv444p", "yuvj422p", "gray", "yuv420p10le", "bgr0"}) {
    const std::vector<uint8_t> ours = grey(format);
    ffmpeg("-i " + (scratch / (std::string(format) + ".mkv")) + " -frames:v 1 -pix_fmt gray -sws_flags " +
           "neighbor+accurate_rnd+bitexact -f rawvideo " + reference);
    const std::string theirs = read_bytes(reference);
    INFO(format);
    REQUIRE(theirs.size() == ours.size());
    int worst = 0;
    for (size_t i = 0; i < ours.size(); ++i) worst = std::max(worst, std::abs(ours[i] - static_cast<uint8_t>(theirs[i])));
    CHECK(worst == 0);
  }
}

TEST_CASE("a film too flat for the cascade has no face, and frames alone are told without pixels") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  ffmpeg("-f lavfi -i testsrc2=s=1920x16:r=10:d=0.5 -c:v mpeg4 " + scratch / "flat.mp4");
  for (const Cut cut : {Cut::face, Cut::face_every, Cut::nothing}) {
    const Film film = read_film(scratch / "flat.mp4", {.cut = cut});
    CHECK(film.pictures.size() == 5);
    CHECK(film.width == 1920);
    CHECK(film.coverage() == 0);
  }
}
