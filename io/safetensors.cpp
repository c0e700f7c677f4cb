// SPDX-License-Identifier: Apache-2.0
// safetensors: the length of a header (8 bytes), the header (JSON), the elements.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/elements.h"
#include "io/weight_formats.h"

namespace limbic {
namespace {

constexpr uint64_t max_header = 100'000'000;
constexpr size_t max_rank = 8;

constexpr std::pair<std::string_view, std::string_view> dtypes[] = {
    {"F64", "f64"}, {"F32", "f32"}, {"F16", "f16"}, {"BF16", "bf16"}, {"I64", "i64"}, {"I32", "i32"},  {"I16", "i16"},
    {"I8", "i8"},   {"U64", "u64"}, {"U32", "u32"}, {"U16", "u16"},   {"U8", "u8"},   {"BOOL", "bool"}};

struct Entry {
  std::string name, dtype;
  std::vector<uint64_t> shape, offsets;
  bool has_shape = false;
};

/// Walks the header as it is parsed: {"NAME": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}, ...,
/// "__metadata__": {text: text}}. A tree would hide keys that stand there twice.
class Header : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string wrong;  ///< why parsing stopped

  bool start_object(size_t) override {
    ++depth_;
    if (depth_ > 2 || in_array_ || (depth_ == 2 && key_.empty())) return stop("nested where a value is expected");
    if (depth_ == 2) {
      in_metadata_ = outer_ == "__metadata__";
      if (!in_metadata_ && entries.size() == max_tensors) return stop(fmt::format("more than {} tensors", max_tensors));
      if (!in_metadata_) entries.push_back({.name = outer_, .dtype = {}, .shape = {}, .offsets = {}});
      inner_keys_.clear();
    }
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      const Entry& entry = entries.back();
      if (entry.dtype.empty() || !entry.has_shape || entry.offsets.size() != 2)
        return stop("dtype, shape or data_offsets are missing");
    }
    --depth_;
    return true;
  }
  bool key(std::string& name) override {
    key_ = name;
    if (depth_ == 1) {
      outer_ = name;
      if (name.empty() || !names_.insert(name).second) return stop("stands there twice");
    } else if (!inner_keys_.insert(name).second) {
      return stop("a key stands there twice");
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 2 || in_array_) return stop("a string where none is expected");
    if (in_metadata_) {
      metadata[key_] = text;
      return true;
    }
    if (key_ != "dtype") return stop("a string where none is expected");
    for (const auto& [theirs, ours] : dtypes) {
      if (theirs == text) entries.back().dtype = ours;
    }
    return !entries.back().dtype.empty() || stop("dtype " + shown(text) + " is not read");
  }
  bool start_array(size_t) override {
    if (depth_ != 2 || in_array_ || in_metadata_ || (key_ != "shape" && key_ != "data_offsets"))
      return stop("an array where none is expected");
    if (key_ == "shape") entries.back().has_shape = true;
    return in_array_ = true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(uint64_t value) override {
    if (!in_array_) return stop("a number where none is expected");
    auto& values = key_ == "shape" ? entries.back().shape : entries.back().offsets;
    values.push_back(value);
    return values.size() <= max_rank || stop("more than 8 dimensions");
  }
  bool null() override { return stop("null"); }
  bool boolean(bool) override { return stop("a boolean"); }
  bool number_integer(int64_t) override { return stop("a negative number"); }
  bool number_float(double, const std::string&) override { return stop("a fraction"); }
  bool binary(nlohmann::json::binary_t&) override { return stop("binary data"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    wrong = "header is no JSON at byte " + std::to_string(position);
    return false;
  }

 private:
  bool stop(const std::string& why) {
    wrong = outer_.empty() ? "header: " + why : shown(outer_) + ": " + why;
    return false;
  }
  int depth_ = 0;
  bool in_array_ = false, in_metadata_ = false;
  std::string outer_, key_;
  std::set<std::string> names_, inner_keys_;
};

}  // namespace

H5File parse_safetensors_file(Bytes bytes, const std::string& path) {
  const auto refuse = [&](const std::string& why) { throw Error(ExitCode::weights, fmt::format("{}: {}", path, why)); };
  ByteCursor in(bytes, path);
  const auto length = in.number<uint64_t>();
  if (length > max_header || length > in.left())
    in.fail(fmt::format("header of {} bytes, {} left in the file", length, in.left()));
  const std::string_view text = as_text(in.take(length));
  if (!text.starts_with('{')) in.fail("header does not start with {");
  Header header;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &header)) refuse(header.wrong);

  // In the order of their data: no overlap, no hole, nothing behind, so a file means one thing only.
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  const Bytes data = in.take(in.left());
  H5File file;
  for (const auto& [name, value] : header.metadata) file.attributes[clean_text(name)] = clean_text(value, true);
  uint64_t end = 0;
  for (const Entry& entry : header.entries) {
    unsigned __int128 size = static_cast<uint64_t>(bytes_per_element(entry.dtype));
    const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0u) != entry.shape.end();
    for (uint64_t n : entry.shape) {
      size *= empty ? 0 : n;
      if (size > data.size())
        refuse(fmt::format("{}: shape [{}] wants more than the file's {} bytes", shown(entry.name),
                           fmt::join(entry.shape, ","), data.size()));
    }
    if (entry.offsets[0] != end || entry.offsets[1] < end || entry.offsets[1] > data.size() ||
        entry.offsets[1] - end != size) {
      refuse(fmt::format("{}: bytes {} to {}, expected {} from {} on", shown(entry.name), entry.offsets[0],
                         entry.offsets[1], uint64_t(size), end));
    }
    end = entry.offsets[1];
  }
  if (end != data.size()) refuse(fmt::format("{} bytes behind the last tensor", data.size() - end));
  for (Entry& entry : header.entries) {
    H5Tensor tensor;
    tensor.name = std::move(entry.name);
    tensor.dtype = std::move(entry.dtype);
    for (uint64_t n : entry.shape) {
      if (n > INT64_MAX) refuse(fmt::format("{}: a dimension of {}", shown(tensor.name), n));
      tensor.shape.push_back(static_cast<int64_t>(n));
    }
    const Bytes elements = data.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0]);
    if (tensor.dtype == "f32") {
      tensor.values = to_floats(tensor.dtype, elements);
    } else {
      tensor.bytes.assign(elements.begin(), elements.end());
    }
    file.tensors.push_back(std::move(tensor));
  }
  return file;
}

WeightFile parse_safetensors(Bytes bytes, const std::string& path) {
  WeightFile file = from_hdf5(parse_safetensors_file(bytes, path), path);
  file.format = "safetensors";
  if (file.card.layout.empty()) file.card.layout = "pytorch";
  return file;
}

}  // namespace limbic
