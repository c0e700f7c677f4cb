// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/error.h"
#include "io/elements.h"
#include "io/files.h"
#include "io/weights.h"
#include "tests/data_folder.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

StoredTensor tensor(std::string name, std::vector<int64_t> shape, std::vector<float> values,
                    std::string dtype = "f32") {
  StoredTensor made;
  made.name = std::move(name);
  made.dtype = std::move(dtype);
  made.shape = std::move(shape);
  made.values = std::move(values);
  return made;
}

std::string message(const std::function<void()>& work, ExitCode code = ExitCode::weights) {
  try {
    work();
  } catch (const Error& error) {
    CHECK(error.code == code);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("elements of every type become f32 and come back") {
  const std::vector<float> values{0, 1, -2, 0.5f, 65504, -0.0f};
  for (const char* dtype : {"f64", "f32", "f16", "bf16"}) {
    CAPTURE(dtype);
    const auto bytes = from_floats(dtype, values);
    REQUIRE(static_cast<int64_t>(bytes.size()) == 6 * bytes_per_element(dtype));
    const auto back = to_floats(dtype, bytes);
    for (size_t i = 0; i < 4; ++i) CHECK(back[i] == values[i]);
  }
  for (const char* dtype : {"i64", "i32", "i16", "i8"}) {
    CAPTURE(dtype);
    CHECK(to_floats(dtype, from_floats(dtype, std::vector<float>{-3, 0, 100})) == std::vector<float>{-3, 0, 100});
  }
  for (const char* dtype : {"u64", "u32", "u16", "u8"}) {
    CAPTURE(dtype);
    CHECK(to_floats(dtype, from_floats(dtype, std::vector<float>{-3, 0, 100, NAN})) ==
          std::vector<float>{0, 0, 100, 0});
  }
  CHECK(bytes_per_element("c64") == 0);
}

TEST_CASE("each of the 65536 half floats survives the way to f32 and back") {
  for (int bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool nan = (half >> 10 & 31) == 31 && (half & 1023) != 0;
    std::vector<std::byte> bytes(2);
    std::memcpy(bytes.data(), &half, 2);
    const auto wide = to_floats("f16", bytes);
    if (nan ? !std::isnan(wide[0]) : from_floats("f16", wide) != bytes)
      FAIL("half 0x" << std::hex << bits << " became " << wide[0]);
    const auto brain = to_floats("bf16", bytes);
    if (!std::isnan(brain[0]) && from_floats("bf16", brain) != bytes)
      FAIL("bf16 0x" << std::hex << bits << " became " << brain[0]);
  }
}

TEST_CASE("weights come back from HDF5 with their card, and the same content gives the same bytes") {
  const Scratch scratch;
  WeightFile file;
  file.tensors.push_back(tensor("fc.weight", {2, 3}, {1, 2, 3, 4, 5, 6}));
  file.tensors.push_back(tensor("bn.num_batches_tracked", {}, {600000}, "i64"));
  file.card = {.net = "voice",
               .labels = {"neutral", "calm"},
               .front_end = "panns-16k",
               .licence = "CC BY-NC-SA 4.0",
               .training_data = "RAVDESS",
               .metrics = "62 %",
               .layout = "pytorch",
               .sha256 = {},
               .attributes = {{"seed", "7"}}};
  write_weights_hdf5(scratch / "a.h5", file);
  CHECK(message([&] { write_weights_hdf5(scratch / "a.h5", file); }, ExitCode::usage).find("--force") !=
        std::string::npos);
  std::swap(file.tensors[0], file.tensors[1]);
  write_weights_hdf5(scratch / "b.h5", file);
  const MappedFile a(scratch / "a.h5"), b(scratch / "b.h5");
  CHECK(std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end()));

  const WeightFile back = read_weights(scratch / "a.h5");
  CHECK(back.format == "hdf5");
  CHECK(back.parameters() == 7);
  REQUIRE(back.find("fc.weight") != nullptr);
  CHECK(back.find("fc.weight")->shape == std::vector<int64_t>{2, 3});
  CHECK(back.find("fc.weight")->values == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(back.find("bn.num_batches_tracked")->dtype == "i64");
  CHECK(back.find("bn.num_batches_tracked")->shape.empty());
  CHECK(back.find("none") == nullptr);
  CHECK(back.card.net == "voice");
  CHECK(back.card.labels == std::vector<std::string>{"neutral", "calm"});
  CHECK(back.card.licence == "CC BY-NC-SA 4.0");
  CHECK(back.card.attributes == std::map<std::string, std::string>{{"seed", "7"}});
  CHECK(back.card.sha256 == content_sha256(back));
  CHECK(content_sha256(back) == content_sha256(file));
}

TEST_CASE("NaN and infinity in weights are named") {
  WeightFile file;
  file.tensors.push_back(tensor("a", {2}, {1, 2}));
  CHECK_NOTHROW(check_finite(file, "f.h5"));
  file.tensors.push_back(tensor("b", {2}, {1, std::numeric_limits<float>::infinity()}));
  CHECK(message([&] { check_finite(file, "f.h5"); }) == "f.h5: b holds inf at element 1");
}

TEST_CASE("what is no file of weights is told by what it is") {
  const Scratch scratch;
  const auto reading = [&](const std::string& content) {
    write_file(scratch / "f", content, true);
    return message([&] { read_weights(scratch / "f"); });
  };
  CHECK(reading("hello, world").find("not a file of weights; expected HDF5") != std::string::npos);
  CHECK(reading("x").find("not a file of weights") != std::string::npos);
  CHECK(reading("").find("empty") != std::string::npos);
  CHECK(reading("\x80\x02}q.").find("torch.save did not write") != std::string::npos);
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  CHECK(reading(tar).find("tar archive") != std::string::npos);
  CHECK(message([&] { read_weights(scratch.folder()); }).find("directory") != std::string::npos);
  CHECK(message([&] { read_weights(scratch / "none"); }).find("no such file") != std::string::npos);
}

TEST_CASE("the golden CNN-14 has the same tensors in its three formats") {
  const std::string folder = golden_file("cnn14_w16");
  if (folder.empty()) return;
  const WeightFile hdf5 = read_weights(folder + "/weights.h5");
  const WeightFile legacy = read_weights(folder + "/legacy.pth");
  const WeightFile zip = read_weights(folder + "/zip.pth");
  CHECK(hdf5.format == "hdf5");
  CHECK(legacy.format == "pytorch-legacy");
  CHECK(zip.format == "pytorch");
  CHECK(hdf5.tensors.size() == 84);
  CHECK(legacy.tensors.front().name == "spectrogram_extractor.stft.conv_real.weight");
  CHECK(legacy.tensors.back().name == "fc_audioset.bias");
  CHECK(content_sha256(hdf5) == content_sha256(legacy));
  CHECK(content_sha256(hdf5) == content_sha256(zip));
  CHECK_NOTHROW(check_finite(zip, "zip.pth"));
}
