// SPDX-License-Identifier: Apache-2.0
// `limbic weights` as its users meet it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/io/torch_files.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;
namespace torch_files = limbic::torch_files;

namespace {

const std::string fixture = LIMBIC_SOURCE_DIR "/tests/fixtures/cnn14_w32/weights.h5";

void put(const Scratch& scratch, const std::string& name, const std::string& bytes) {
  std::ofstream(scratch.folder() / name, std::ios::binary) << bytes;
}

std::string pytorch_file(const std::vector<float>& values) {
  const torch_files::Tensor tensor{.name = "w",
                                   .stored = static_cast<int64_t>(values.size()),
                                   .shape = {static_cast<int64_t>(values.size())},
                                   .strides = {1}};
  return torch_files::legacy_file(torch_files::dict_of({tensor}, true), {{"0", torch_files::floats(values)}});
}

void check_refused(const Run& run, int code, const std::string& file) {
  INFO(run.out << run.err);
  CHECK(run.code == code);
  CHECK(run.err.find(file) != std::string::npos);
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("weights inspect shows format, net and every tensor") {
  const Scratch scratch;
  const Run text = scratch.run("limbic weights inspect '" + fixture + "'");
  INFO(text.err);
  REQUIRE(text.code == 0);
  CHECK(text.out.find("cnn14") != std::string::npos);
  CHECK(text.out.find("conv_block6.bn2.running_var") != std::string::npos);
  CHECK(text.out.find("81 tensors") != std::string::npos);
  const Json document = Json::parse(scratch.run("limbic weights inspect '" + fixture + "' --json").out);
  CHECK(document["schema"] == "limbic.weights/1");
  CHECK(document["format"] == "hdf5");
  CHECK(document["net"] == "cnn14");
  CHECK(document["finite"] == true);
  CHECK(document["tensors"].size() == 81);
  CHECK(document["sha256"].get<std::string>().size() == 64);
}

TEST_CASE("weights inspect shows a text of several lines as such, indented") {
  const Scratch scratch;
  put(scratch, "a.pth", pytorch_file({1, 2, 3}));
  REQUIRE(scratch.run("limbic weights convert a.pth -o a.h5 --card 'recipe=seed = 1\n\n[net]\nname = \a'").code == 0);
  const Run text = scratch.run("limbic weights inspect a.h5");
  CHECK(text.out.find("\nrecipe\n  seed = 1\n\n  [net]\n  name = ?\nsha256 ") != std::string::npos);
}

TEST_CASE("weights convert, diff and verify agree with each other") {
  const Scratch scratch;
  put(scratch, "a.pth", pytorch_file({1, 2, 3}));
  put(scratch, "b.pth", pytorch_file({1, 2.5, 3}));
  const Run convert = scratch.run("limbic weights convert a.pth -o a.h5 --card licence=MIT --card labels=calm,sad");
  INFO(convert.err);
  REQUIRE(convert.code == 0);
  check_refused(scratch.run("limbic weights convert a.pth -o a.h5"), 2, "a.h5");
  CHECK(scratch.run("limbic weights convert a.pth -o a.h5 --force --card licence=MIT --card labels=calm,sad").code ==
        0);
  const Json card = Json::parse(scratch.run("limbic weights inspect a.h5 --json").out)["card"];
  CHECK(card["licence"] == "MIT");
  CHECK(card["labels"] == Json({"calm", "sad"}));

  CHECK(scratch.run("limbic weights diff a.pth a.h5").code == 0);
  const Run differs = scratch.run("limbic weights diff b.pth a.h5");
  CHECK(differs.code == 7);
  CHECK(differs.out.find("1 of 3 elements, by up to 0.5") != std::string::npos);
  CHECK(scratch.run("limbic weights diff b.pth a.h5 --tolerance 0.5").code == 0);
  CHECK(Json::parse(scratch.run("limbic weights diff b.pth a.h5 --json").out)["same"] == false);

  CHECK(scratch.run("limbic weights verify a.h5").code == 0);
  CHECK(scratch.run("sha256sum a.h5 > manifest.sha256 && limbic weights verify a.h5").code == 0);
  CHECK(scratch.run("limbic weights verify a.h5 a.h5").code == 0);
  check_refused(scratch.run("limbic weights verify a.pth"), 4, "a.pth");
  const Run some = scratch.run("limbic weights verify a.h5 a.pth --jsonl");
  CHECK(some.code == 8);
  const size_t second = some.out.find('\n') + 1;
  CHECK(Json::parse(some.out.substr(0, second))["status"] == "ok");
  CHECK(Json::parse(some.out.substr(second))["status"] == "error");
  put(scratch, "manifest.sha256", std::string(64, '0') + "  a.h5\n");
  check_refused(scratch.run("limbic weights verify a.h5"), 4, "manifest.sha256");
}

TEST_CASE("a spoilt tensor does not verify") {
  const Scratch scratch;
  put(scratch, "a.pth", pytorch_file({1.25f, 1.25f, 1.25f}));
  REQUIRE(scratch.run("limbic weights convert a.pth -o a.h5").code == 0);
  std::string bytes = scratch.read("a.h5");
  const size_t at = bytes.find(torch_files::floats({1.25f, 1.25f, 1.25f}));
  REQUIRE(at != std::string::npos);
  bytes[at] ^= 1;
  put(scratch, "a.h5", bytes);
  check_refused(scratch.run("limbic weights verify a.h5"), 4, "the card says");
}

TEST_CASE("what is no file of weights ends in one line and code 4") {
  const Scratch scratch;
  put(scratch, "text.h5", "hello, world");
  put(scratch, "empty.h5", "");
  put(scratch, "half.h5", scratch.read(fixture).substr(0, 1000));
  put(scratch, "evil.pth",
      torch_files::legacy_file(torch_files::global("os", "system") + torch_files::mark +
                                   torch_files::text("touch ran") + torch_files::tuple + torch_files::reduce,
                               {}));
  scratch.run("mkfifo fifo.h5; mkdir folder.h5");
  for (const char* name : {"text.h5", "empty.h5", "half.h5", "evil.pth", "fifo.h5", "folder.h5", "none.h5"}) {
    check_refused(scratch.run(std::string("limbic weights inspect ") + name, 20), 4, name);
  }
  CHECK(scratch.run("limbic weights inspect evil.pth").err.find("os.system, which is not allowed") !=
        std::string::npos);
  CHECK(!std::filesystem::exists(scratch.folder() / "ran"));
  put(scratch, "nan.pth", pytorch_file({1, NAN}));
  const Run nan = scratch.run("limbic weights inspect nan.pth");
  CHECK(nan.code == 0);
  CHECK(nan.err.find("w holds nan at element 1") != std::string::npos);
  check_refused(scratch.run("limbic weights inspect"), 2, "file");
}
