// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "engine/error.h"
#include "io/checkpoint.h"
#include "io/hdf5.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.tensors["conv1.weight"] = {{2, 1, 3}, {1, -0.0f, 3, 1e-42f, 5, std::numeric_limits<float>::infinity()}};
  checkpoint.tensors["adam.m.conv1.weight"] = {{6}, {1, 2, 3, 4, 5, 6}};
  checkpoint.tensors["scalar"] = {{}, {7}};
  checkpoint.fields["recipe"] = std::string("seed = 1\n\0binary\xff", 17);
  checkpoint.fields["empty"] = "";
  checkpoint.fields["long"] = std::string(200000, 'x');
  checkpoint.set("best", 0.1);
  checkpoint.set("step", int64_t{1} << 60);
  return checkpoint;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

}  // namespace

TEST_CASE("a checkpoint comes back with every bit, and nothing else stays in the folder") {
  const Scratch scratch;
  const std::string path = scratch / "checkpoint.h5";
  const Checkpoint written = example();
  write_checkpoint(path, written);
  const Checkpoint read = read_checkpoint(path);
  CHECK(read == written);
  CHECK(std::signbit(read.tensors.at("conv1.weight").values[1]));
  CHECK(read.number("best") == 0.1);
  CHECK(read.integer("step") == int64_t{1} << 60);
  CHECK_THROWS_AS(read.number("recipe"), Error);
  CHECK_THROWS_AS(read.integer("none"), Error);
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.folder()), {}) == 1);
}

TEST_CASE("the newest valid checkpoint wins, and a damaged one is named") {
  const Scratch scratch;
  const std::string path = scratch / "checkpoint.h5";
  std::vector<std::string> notes;
  CHECK_FALSE(newest_checkpoint(path, notes).has_value());

  Checkpoint first = example(), second = example();
  first.set("epoch", int64_t{1});
  second.set("epoch", int64_t{2});
  write_checkpoint(path, first);
  write_checkpoint(path, second);
  CHECK(newest_checkpoint(path, notes)->integer("epoch") == 2);
  CHECK(notes.empty());

  const std::string whole = content(path);
  replace(path, whole.substr(0, whole.size() / 2));
  CHECK(newest_checkpoint(path, notes)->integer("epoch") == 1);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("checkpoint.h5") != std::string::npos);

  std::filesystem::remove(path);  // killed between the two renames
  CHECK(newest_checkpoint(path, notes)->integer("epoch") == 1);

  replace(path, "no checkpoint");
  replace(path + ".previous", "");
  CHECK_THROWS_AS(newest_checkpoint(path, notes), Error);
}

TEST_CASE("a flipped bit anywhere in a checkpoint never gives another checkpoint") {
  const Scratch scratch;
  const std::string path = scratch / "checkpoint.h5";
  Checkpoint small;
  small.tensors["w"] = {{4}, {1, 2, 3, 4}};
  small.set("step", int64_t{5});
  write_checkpoint(path, small);
  const std::string whole = content(path);
  int refused = 0;
  for (size_t i = 0; i < whole.size(); i += 211) {  // each read is a child process
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 1 << (i % 8));
    replace(path, flipped);
    try {
      if (read_checkpoint(path) != small) FAIL("another checkpoint from a flip at byte " << i);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("a file of weights is no checkpoint, and a checkpoint that cannot be written leaves the old one") {
  const Scratch scratch;
  const float value = 1;
  write_hdf5(scratch / "weights.h5", {{"w", "f32", {1}, &value}}, {});
  CHECK_THROWS_AS(read_checkpoint(scratch / "weights.h5"), Error);
  CHECK_THROWS_AS(write_checkpoint(scratch / "missing/checkpoint.h5", example()), Error);
  Checkpoint wrong;
  wrong.tensors["w"] = {{3}, {1, 2}};
  CHECK_THROWS_AS(write_checkpoint(scratch / "c.h5", wrong), Error);
}
