// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <functional>

#include "engine/error.h"
#include "io/weight_formats.h"
#include "tests/io/torch_files.h"

using namespace limbic;
using torch_files::bytes_of;
using torch_files::floats;
using torch_files::le;

namespace {

std::string file_of(const std::string& header, const std::string& data = "") {
  return le(static_cast<uint64_t>(header.size())) + header + data;
}

std::string refusal(const std::string& file) {
  try {
    parse_safetensors(bytes_of(file), "f");
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::weights);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "read";
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

const std::string two = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[4,20]},)"
                        R"("n":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}   )";
const std::string two_data = le(int32_t{-7}) + floats({1, 2, 3, 4});

}  // namespace

TEST_CASE("safetensors are read in the order of their data, with their metadata") {
  const WeightFile file = parse_safetensors(bytes_of(file_of(two, two_data)), "f");
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "n");
  CHECK(file.tensors[0].dtype == "i32");
  CHECK(file.tensors[0].shape.empty());
  CHECK(file.tensors[0].values == std::vector<float>{-7});
  CHECK(file.tensors[1].shape == std::vector<int64_t>{2, 2});
  CHECK(file.tensors[1].values == std::vector<float>{1, 2, 3, 4});
  CHECK(file.card.attributes.at("format") == "pt");
  const std::string half =
      R"({"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]}})";
  const WeightFile small = parse_safetensors(bytes_of(file_of(half, le(uint16_t{0x3c00}) + le(uint16_t{0x4000}))), "f");
  CHECK(small.tensors[0].values == std::vector<float>{1});
  CHECK(small.tensors[1].values == std::vector<float>{2});
  CHECK(parse_safetensors(bytes_of(file_of("{}")), "f").tensors.empty());
  const std::string empty = R"({"e":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}})";
  CHECK(parse_safetensors(bytes_of(file_of(empty)), "f").tensors.at(0).values.empty());
}

TEST_CASE("a safetensors header says everything once, with the right types") {
  const auto one = [](const std::string& entry) { return refusal(file_of(R"({"a":)" + entry + "}", floats({1}))); };
  CHECK(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})") == "read");
  CHECK(says(one(R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})"), "a: a key stands there twice"));
  CHECK(says(one(R"({"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]})"), "dtype F8_E4M3 is not read"));
  CHECK(says(one(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "negative"));
  CHECK(says(one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), "fraction"));
  CHECK(says(one(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})"), "array where none"));
  CHECK(says(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})"), "missing"));
  CHECK(says(one(R"({"dtype":"F32","shape":[1]})"), "missing"));
  CHECK(says(one(R"({"dtype":"F32","data_offsets":[0,4]})"), "missing"));
  CHECK(says(one(R"({"dtype":"F32","shape":{"x":1},"data_offsets":[0,4]})"), "nested"));
  CHECK(says(one(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})"), "8 dimensions"));
  CHECK(says(one("null"), "null"));
  CHECK(says(one("3"), "number"));
  CHECK(says(
      refusal(file_of(
          R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})")),
      "a: stands there twice"));
  CHECK(says(refusal(file_of(R"({"__metadata__":{"x":1}})")), "number"));
  CHECK(says(refusal(file_of("{\"a\":")), "no JSON"));
  CHECK(says(refusal(file_of("{" + std::string(100000, '['))), "no JSON"));
  CHECK(says(refusal(file_of("{\"a\":" + std::string(100000, '['))), "array where none"));
}

TEST_CASE("safetensors cover their data without overlap, hole or rest") {
  const auto with = [](int from, int to, const std::string& data, const std::string& shape = "[1]") {
    return refusal(file_of(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[)" + std::to_string(from) +
                               "," + std::to_string(to) + "]}}",
                           data));
  };
  const std::string one = floats({1}), both = floats({1, 2});
  CHECK(with(0, 4, one) == "read");
  CHECK(says(with(0, 4, both), "4 bytes behind"));
  CHECK(says(with(4, 8, both), "expected 4 from 0"));
  CHECK(says(with(0, 8, both), "expected 4 from 0"));
  CHECK(says(with(4, 0, one), "expected 4"));
  CHECK(says(with(0, 4, ""), "more than the file's 0 bytes"));
  CHECK(says(with(0, 4, one, "[4611686018427387904,4]"), "more than the file's"));
  CHECK(says(with(0, 4, one, "[18446744073709551615]"), "more than the file's"));
  CHECK(says(
      refusal(file_of(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          one)),
      "from 4 on"));
}

TEST_CASE("the length of a safetensors header is checked before anything is read") {
  CHECK(says(refusal(""), "ends too early"));
  CHECK(says(refusal(le(uint64_t{100}) + "{}"), "header of 100 bytes, 2 left"));
  CHECK(says(refusal(le(~uint64_t{0}) + "{}"), "header of"));
  CHECK(says(refusal(le(uint64_t{2}) + "[]"), "does not start with {"));
}

TEST_CASE("every flipped bit and every cut of a safetensors file is read or refused") {
  const std::string file = file_of(two, two_data);
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string mutant = file;
    mutant[bit / 8] = static_cast<char>(mutant[bit / 8] ^ 1 << bit % 8);
    refusal(mutant);
  }
  for (size_t length = 0; length < file.size(); ++length) {
    if (refusal(file.substr(0, length)) == "read") FAIL("read the first " << length << " bytes");
  }
}

TEST_CASE("safetensors of more than 100,000 tensors are refused") {
  std::string header = "{";
  for (int i = 0; i <= 100'000; ++i) {
    header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  CHECK(says(refusal(file_of(header + "}")), "more than 100000 tensors"));
}

TEST_CASE("a model card in the metadata of safetensors is read as one, and printed clean") {
  const std::string card = R"({"__metadata__":{"net":"voice","labels":"sad\ncalm","sha256":"00","seed":"7\u001b[2J"}})";
  const WeightFile file = parse_safetensors(bytes_of(file_of(card)), "f");
  CHECK((file.format == "safetensors" && file.card.net == "voice" && file.card.sha256 == "00"));
  CHECK(file.card.labels == std::vector<std::string>{"sad", "calm"});
  CHECK(file.card.layout == "pytorch");
  CHECK(file.card.attributes.size() == 1);
  CHECK(file.card.attributes.at("seed").find('\x1b') == std::string::npos);
}
