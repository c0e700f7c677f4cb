// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/error.h"
#include "io/files.h"
#include "io/sha256.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

ptrdiff_t entries(const std::string& folder) { return std::distance(std::filesystem::directory_iterator(folder), {}); }

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4 and does not depend on how the data is cut") {
  CHECK(Sha256().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256().update("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256().update("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex() ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(Sha256().update(std::string(1000000, 'a')).hex() ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (size_t length = 0; length < 200; ++length) {
    const std::string text(length, 'x');
    Sha256 bytewise;
    for (char c : text) bytewise.update(&c, 1);
    REQUIRE(bytewise.hex() == Sha256().update(text).hex());
  }
}

TEST_CASE("a file is written whole, replaced only when told to, and leaves nothing behind") {
  const Scratch scratch;
  const std::string path = scratch / "out.txt";
  write_file(path, "first");
  CHECK(content(path) == "first");
  try {
    write_file(path, "second");
    FAIL("replaced without force");
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::usage);
  }
  CHECK(content(path) == "first");
  write_file(path, "second", true);
  CHECK(content(path) == "second");
  {
    AtomicFile abandoned(path);
    std::ofstream(abandoned.temporary()) << "half";
  }
  CHECK(content(path) == "second");
  CHECK(entries(scratch.folder()) == 1);
  try {
    write_file(scratch / "missing/out.txt", "x");
    FAIL("wrote into a missing folder");
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::failure);
  }
}

TEST_CASE("what a killed process left unfinished is removed, what a living one writes stays") {
  const Scratch scratch;
  const std::string living = "weights.h5.tmp-" + std::to_string(::getpid()) + "-3";
  for (const std::string& name : {std::string("checkpoint.h5.next.tmp-999999999-0"), living,
                                  std::string("notes.tmp-1x"), std::string("log.csv")}) {
    write_file(scratch / name, "x");
  }
  remove_unfinished(scratch.folder());
  CHECK(entries(scratch.folder()) == 3);
  CHECK(!std::filesystem::exists(scratch / "checkpoint.h5.next.tmp-999999999-0"));
  CHECK(std::filesystem::exists(scratch / living));
  remove_unfinished(scratch / "missing");
}

TEST_CASE("caches live under XDG_CACHE_HOME, else at home, and a relative path counts as none") {
  const Environment home("HOME", "/home/someone");
  {
    const Environment cache("XDG_CACHE_HOME", "/caches");
    CHECK(cache_folder() == "/caches/limbic");
  }
  {
    const Environment cache("XDG_CACHE_HOME", "caches");
    CHECK(cache_folder() == "/home/someone/.cache/limbic");
  }
  const Environment nowhere("HOME", "");
  CHECK(cache_folder().empty());
}

TEST_CASE("a mapped file holds the file's bytes, and what is no file is an error") {
  const Scratch scratch;
  write_file(scratch / "data", "bytes");
  CHECK(MappedFile(scratch / "data").bytes().size() == 5);
  write_file(scratch / "empty", "");
  CHECK_THROWS_AS(MappedFile(scratch / "empty"), Error);
  CHECK_THROWS_AS(MappedFile(scratch / "none"), Error);
  CHECK_THROWS_AS(MappedFile(scratch.folder()), Error);
  CHECK_THROWS_AS(MappedFile("/dev/zero"), Error);
}
