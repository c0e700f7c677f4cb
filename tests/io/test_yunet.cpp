// SPDX-License-Identifier: Apache-2.0
// The detector that is given as a file. What is tested is a net with YuNet's inputs and outputs that can be worked out by
// hand: on its coarsest map, a cell that is blue and not red is a face, twice as wide and three times as high as the cell.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "io/pictures.h"
#include "tests/io/ffmpeg.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

// ---- ONNX is protocol buffers: https://onnx.ai/onnx/repo-docs/IR.html, onnx.proto

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string number(int field, int64_t value) { return varint(static_cast<uint64_t>(field) << 3) + varint(static_cast<uint64_t>(value)); }
std::string text(int field, const std::string& bytes) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string integers(const std::string& name, const std::vector<int64_t>& values) {
  std::string attribute = text(1, name);
  for (const int64_t value : values) attribute += number(8, value);
  return text(5, attribute + number(20, 7));
}

std::string node(const char* op, const std::vector<std::string>& inputs, const std::string& output, const std::string& attributes = "") {
  std::string bytes;
  for (const std::string& input : inputs) bytes += text(1, input);
  return text(1, bytes + text(2, output) + text(3, output) + text(4, op) + attributes);
}

std::string floats(const std::string& name, const std::vector<int64_t>& shape, const std::vector<float>& values) {
  std::string bytes;
  for (const int64_t size : shape) bytes += number(1, size);
  return text(5, bytes + number(2, 1) + text(8, name) + text(9, {reinterpret_cast<const char*>(values.data()), values.size() * 4}));
}

std::string value(int field, const std::string& name, const std::vector<int64_t>& shape) {
  std::string dims;
  for (const int64_t size : shape) dims += text(1, number(1, size));
  return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, dims))));
}

std::string detector() {
  std::string nodes, constants, outputs;
  for (const int stride : {8, 16, 32}) {
    const std::string s = std::to_string(stride), pooled = "pooled_" + s;
    nodes += node("AveragePool", {"input"}, pooled, integers("kernel_shape", {stride, stride}) + integers("strides", {stride, stride}));
    const auto head = [&](const std::string& name, int64_t channels, const std::vector<float>& weights, const std::vector<float>& bias) {
      const std::string full = name + "_" + s;
      constants += floats(full + "_w", {channels, 3, 1, 1}, weights) + floats(full + "_b", {channels}, bias);
      nodes += node("Conv", {pooled, full + "_w", full + "_b"}, full + "_map", integers("kernel_shape", {1, 1}));
      std::string last = full + "_map";
      if (channels == 1) nodes += node("Sigmoid", {last}, full + "_p"), last = full + "_p";
      nodes += node("Transpose", {last}, full + "_t", integers("perm", {0, 2, 3, 1}));
      std::string shape;  // [1,-1,channels]
      for (const int64_t n : {int64_t{1}, int64_t{-1}, channels}) shape.append(reinterpret_cast<const char*>(&n), 8);
      constants += text(5, number(1, 3) + number(2, 7) + text(8, full + "_s") + text(9, shape));
      nodes += node("Reshape", {full + "_t", full + "_s"}, full);
      outputs += value(12, full, {1, (320 / stride) * (320 / stride), channels});
    };
    const float k = stride == 32 ? 12 / 255.f : 0, b = stride == 32 ? -6 : -12;
    head("cls", 1, {k, 0, 0}, {b});   // blue
    head("obj", 1, {k, 0, -k}, {b});  // and not red
    head("bbox", 4, std::vector<float>(12), {0.5f, 0.5f, std::log(2.f), std::log(3.f)});
  }
  const std::string graph = nodes + text(2, "graph") + constants + value(11, "input", {1, 3, 320, 320}) + outputs;
  return number(1, 7) + text(7, graph) + text(8, text(1, "") + number(2, 11));
}

/// Half a second of a blue block, then of a red one.
std::string film(const Scratch& scratch) {
  const std::string path = scratch / "blocks.mkv";
  ffmpeg("-f lavfi -i \"color=black:s=640x480:r=10:d=1,format=rgb24,"
         "drawbox=x=256:y=192:w=64:h=64:color=blue:t=fill:enable='lt(t,0.45)',"
         "drawbox=x=256:y=192:w=64:h=64:color=red:t=fill:enable='gt(t,0.45)'\" -c:v ffv1 -pix_fmt bgr0 " + path);
  return path;
}

std::string refusal(const std::string& film, const std::string& model) {
  try {
    PictureStream(film, {.detector = model});
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::weights);
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a YuNet that is given as a file finds the faces") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  write_bytes(scratch / "yunet.onnx", detector());
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

TEST_CASE("what is no YuNet is told in one line, and never read outside the confined child") {
  if (!has_ffmpeg()) return;
  const Scratch scratch;
  const std::string path = film(scratch), good = detector();
  write_bytes(scratch / "text.onnx", "no model at all");
  CHECK_THAT(refusal(path, scratch / "none.onnx"), Catch::Contains("none.onnx: found no such file"));
  CHECK_THAT(refusal(path, scratch / "text.onnx"), Catch::Contains("text.onnx: found ") && Catch::Contains("expected YuNet in ONNX"));
  CHECK_THAT(refusal(path, scratch.folder()), Catch::Contains("found a directory"));

  int refused = 0, read = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    write_bytes(scratch / "bad.onnx", seed < 10 ? good.substr(0, good.size() * seed / 10 + 1) : mutated(good, seed));
    try {
      PictureStream stream(path, {.side = 16, .detector = scratch / "bad.onnx"});
      for (Picture picture; stream.next(picture);) {}
      ++read;
    } catch (const Error& error) {
      ++refused;
      const std::string text = error.what();
      INFO(text);
      CHECK(error.code == ExitCode::weights);
      CHECK(text.find('\n') == std::string::npos);
    }
  }
  CHECK(refused > 10);
  CHECK(read > 0);
}
