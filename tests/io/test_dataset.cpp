// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/error.h"
#include "io/cache.h"
#include "io/dataset.h"

using namespace limbic;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("limbic_dataset_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
  }
};

std::string refusal(const std::function<void()>& what, ExitCode code) {
  try {
    what();
  } catch (const Error& error) {
    CHECK(error.code == code);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("RAVDESS clips are told by their names, sorted, with the actor as group") {
  const Folder folder;
  folder.write("Actor_12/03-01-06-01-02-01-12.flac");
  folder.write("Actor_02/03-01-01-01-01-01-02.wav");
  folder.write("Actor_02/01-01-08-01-01-01-02.MP4");
  folder.write("Actor_02/03-02-03-01-01-01-02.wav");  // sung
  folder.write("Actor_02/02-01-03-01-01-01-02.mp4");  // silent
  folder.write("Actor_02/notes.txt");
  const Dataset data = read_dataset(folder.path.string());
  REQUIRE(data.clips.size() == 3);
  CHECK(data.clips[0].name == "Actor_02/01-01-08-01-01-01-02.MP4");
  CHECK(data.clips[0].label == "surprised");
  CHECK(data.clips[2].group == "12");
  CHECK(data.labels == std::vector<std::string>{"neutral", "fearful", "surprised"});
  CHECK(data.warnings.size() == 2);
  folder.write("Actor_02/hello.wav");
  CHECK(refusal([&] { read_dataset(folder.path.string()); }, ExitCode::media).find("hello.wav") != std::string::npos);
}

TEST_CASE("a manifest gives path, label, group and split, and a bad row is named") {
  const Folder folder;
  folder.write("a, b.wav");
  folder.write("c.wav");
  folder.write("manifest.csv", "split,path,label,group\r\ntrain,\"a, b.wav\",10,anna\r\ntest,c.wav,9,ben\r\n");
  const Dataset data = read_dataset(folder.path.string());
  REQUIRE(data.clips.size() == 2);
  CHECK(data.clips[0].name == "a, b.wav");
  CHECK(data.clips[0].split == "train");
  CHECK(data.labels == std::vector<std::string>{"9", "10"});

  const auto refuse = [&](const std::string& rows) {
    folder.write("manifest.csv", rows);
    return refusal([&] { read_dataset((folder.path / "manifest.csv").string()); }, ExitCode::media);
  };
  CHECK(refuse("path,label,group\nc.wav,1,x\nd.wav,1,x\n").find("line 3: d.wav is not a file") != std::string::npos);
  CHECK(refuse("path,label,group\nc.wav,1\n").find("line 2: 2 fields, the header has 3") != std::string::npos);
  CHECK(refuse("path,label,group\nc.wav,,x\n").find("empty label") != std::string::npos);
  CHECK(refuse("path,label,group\nc.wav,1,x\nc.wav,2,x\n").find("stands in line 2 already") != std::string::npos);
  CHECK(refuse("path,label,group\n\"c.wav,1,x\n").find("quote is not closed") != std::string::npos);
  CHECK(refuse("file,label\nc.wav,1\n").find("expected the columns") != std::string::npos);
}

TEST_CASE("lists of groups hold names and ranges") {
  CHECK(parse_groups("1-3, 7,anna") == std::vector<std::string>{"1", "2", "3", "7", "anna"});
  CHECK(parse_groups("").empty());
  CHECK_THROWS_AS(parse_groups("9-3"), Error);
}

TEST_CASE("a split refuses a speaker or a recording on two sides") {
  const SplitSide train{"train", {"a", "b"}, {"1", "1"}, {"s1", "s1"}};  // the same recording twice on one side is fine
  CHECK_NOTHROW(check_split({train, {"test", {"c"}, {"2"}, {"s2"}}}));
  CHECK(refusal(
            [&] {
              check_split({train, {"test", {"c"}, {"1"}, {"s2"}}});
            },
            ExitCode::usage)
            .find("speaker 1") != std::string::npos);
  CHECK(refusal(
            [&] {
              check_split({train, {"test", {"c"}, {"2"}, {"s1"}}});
            },
            ExitCode::usage)
            .find("same recording") != std::string::npos);
}

TEST_CASE("the cache gives back the same bits, and nothing for a damaged entry") {
  const Folder folder;
  setenv("XDG_CACHE_HOME", folder.path.c_str(), 1);
  const std::string key = ContentHash().add("clip").hex();
  const std::vector<float> sixteen = {0.0f, 1.0f / 32768, -1.0f}, any = {0.1f, -0.0f, 3e30f};
  for (const auto& values : {sixteen, any}) {
    cache_store(key, {"note", {3}, values});
    const auto found = cache_load(key);
    REQUIRE(found);
    CHECK(found->note == "note");
    CHECK(found->shape == std::vector<int64_t>{3});
    CHECK(std::memcmp(found->values.data(), values.data(), 12) == 0);
  }
  const fs::path entry = folder.path / "limbic" / key.substr(0, 2) / (key + ".array");
  std::fstream file(entry, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('!');
  file.close();
  CHECK(!cache_load(key));
  CHECK(!cache_load(ContentHash().add("other").hex()));
  cache_store(key, {"note", {3}, any});
  cache_store(key, {"another shape than its values", {2, 2}, any});
  CHECK(!cache_load(key));
}

TEST_CASE("a table of frames beside its film gives a clip a frame, with FER2013's names of splits") {
  const Folder folder;
  folder.write("faces.mkv");
  folder.write(
      "faces.csv",
      "frame,split,label,emotion,row\n0,Training,0,angry,7\n2,PublicTest,3,happy,8\n1,PrivateTest,0,angry,9\n");
  const Dataset data = read_dataset((folder.path / "faces.csv").string());
  REQUIRE(data.clips.size() == 3);
  CHECK(data.labels == std::vector<std::string>{"happy", "angry"});  // in the order of RAVDESS
  const char* splits[] = {"train", "test", "validation"};
  for (int64_t i = 0; i < 3; ++i) {
    CHECK(data.clips[i].frame == i);
    CHECK(data.clips[i].split == splits[i]);
    CHECK(data.clips[i].path == (folder.path / "faces.mkv").string());
    CHECK(data.clips[i].name == "faces.mkv#00000" + std::to_string(i));
    CHECK(data.clips[i].group == data.clips[i].name);  // nobody is known to be on two of them
  }

  folder.write("clips.mp4");
  folder.write("clips.csv", "clip,first_frame,frames,label\na,0,3,1\nb,3,2,0\n");
  const Dataset clips = read_dataset((folder.path / "clips.csv").string());
  REQUIRE(clips.clips.size() == 5);
  CHECK(clips.clips[2].group == "a");
  CHECK(clips.clips[3].group == "b");
  CHECK(clips.clips[4].frame == 4);

  const auto refused = [&](const std::string& rows) {
    folder.write("faces.csv", "frame,split,label\n" + rows);
    return refusal([&] { read_dataset((folder.path / "faces.csv").string()); }, ExitCode::media);
  };
  CHECK_THAT(refused("0,Training,1\n0,Training,1\n"),
             Catch::Contains("line 3: frame 0 stands in an earlier line already"));
  CHECK_THAT(refused("-1,Training,1\n"), Catch::Contains("line 2: frame is \"-1\""));
  CHECK_THAT(refused("0,Tuning,1\n"), Catch::Contains("split is \"Tuning\""));
  CHECK_THAT(refused("0,Training,\n"), Catch::Contains("empty label"));
  fs::remove(folder.path / "faces.mkv");
  CHECK_THAT(refused("0,Training,1\n"), Catch::Contains("faces.mkv or .mp4"));
}
