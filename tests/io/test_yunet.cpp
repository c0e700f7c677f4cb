// SPDX-License-Identifier: Apache-2.0
// The face detector that is given as a file.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/pictures.h"
#include "tests/io/ffmpeg.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"
#include "tests/yunet_model.h"

using namespace limbic;

namespace {

/// Half a second of a blue block, then of a red one.
std::string film(const Scratch& scratch) {
  const std::string path = scratch / "blocks.mkv";
  ffmpeg("-f lavfi -i \"color=black:s=640x480:r=10:d=1,format=rgb24,"
         "drawbox=x=256:y=192:w=64:h=64:color=blue:t=fill:enable='lt(t,0.45)',"
         "drawbox=x=256:y=192:w=64:h=64:color=red:t=fill:enable='gt(t,0.45)'\" -c:v ffv1 -pix_fmt bgr0 " + path);
  return path;
}

std::string refusal(const std::string& model) {
  try {
    check_face_detector(model);
  } catch (const Error& error) {
    const std::string text = error.what();
    INFO(text);
    CHECK(error.code == ExitCode::weights);
    CHECK(text.find('\n') == std::string::npos);
    CHECK_THAT(text, Catch::Contains("onnx: found ") && Catch::Contains("expected YuNet in ONNX"));
    return text;
  }
  return "";
}

}  // namespace

TEST_CASE("a YuNet that is given as a file finds the faces") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  write_bytes(scratch / "yunet.onnx", onnx::detector());
  CHECK(refusal(scratch / "yunet.onnx").empty());
  PictureStream stream(film(scratch), {.side = 16, .detector = scratch / "yunet.onnx"});
  int frames = 0;
  for (Picture picture; stream.next(picture); ++frames) {
    INFO(frames);
    // The searched picture is half as large, its fourth row of cells half below the edge: cell (4, 3) is the block.
    const bool blue = frames < 5;
    CHECK(picture.box == (blue ? std::array<int, 4>{192, 128, 192, 192} : std::array<int, 4>{}));
    CHECK(picture.pixels.size() == (blue ? 256 : 0));
  }
  CHECK(frames == 10);
}

TEST_CASE("a system 2 picture around a face has the full range, whoever found the face") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  write_bytes(scratch / "yunet.onnx", onnx::detector());
  // Limited range: what is not blue is white, 235 in the file.
  ffmpeg("-f lavfi -i \"color=white:s=640x480:r=10:d=0.2,drawbox=x=256:y=192:w=64:h=64:color=blue:t=fill\" -c:v ffv1 "
         "-pix_fmt yuv444p " + scratch / "white.mkv");
  for (const int side : {48, 112}) {
    PictureStream stream(scratch / "white.mkv", {.side = side, .detector = scratch / "yunet.onnx"});
    Picture picture;
    REQUIRE(stream.next(picture));
    REQUIRE(picture.found());
    CHECK(picture.pixels[0] == 255);
  }
}

TEST_CASE("what is no YuNet is told in one line, and its crashes are contained") {
  const Scratch scratch;
  const std::string good = onnx::detector();
  write_bytes(scratch / "text.onnx", "no model at all");
  CHECK_THAT(refusal(scratch / "none.onnx"), Catch::Contains("none.onnx: found no such file"));
  CHECK_THAT(refusal(scratch / "text.onnx"), Catch::Contains("found no network that OpenCV can run"));
  std::filesystem::create_directory(scratch / "folder.onnx");
  CHECK_THAT(refusal(scratch / "folder.onnx"), Catch::Contains("found a directory"));
  std::ofstream(scratch / "large.onnx").close();
  std::filesystem::resize_file(scratch / "large.onnx", (64 << 20) + 1);
  CHECK_THAT(refusal(scratch / "large.onnx"), Catch::Contains("found 67108865 bytes"));
  write_bytes(scratch / "claim.onnx", onnx::detector(1 << 24));  // weights of 64 MB, in 12 bytes
  CHECK(!refusal(scratch / "claim.onnx").empty());
  int refused = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    write_bytes(scratch / "bad.onnx", seed < 10 ? good.substr(0, good.size() * seed / 10 + 1) : mutated(good, seed));
    refused += !refusal(scratch / "bad.onnx").empty();
  }
  CHECK(refused > 10);
}
