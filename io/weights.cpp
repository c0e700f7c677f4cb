// SPDX-License-Identifier: Apache-2.0
#include "io/weights.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include <fmt/format.h>

#include "engine/error.h"
#include "io/elements.h"
#include "io/files.h"
#include "io/sha256.h"
#include "io/weight_formats.h"

namespace limbic {
namespace {

bool starts_with(Bytes file, std::string_view magic, size_t offset = 0) {
  return file.size() >= offset + magic.size() && as_text(file.subspan(offset, magic.size())) == magic;
}

/// A user block of 512, 1024, ... bytes may stand before an HDF5 file.
bool is_hdf5(Bytes file) {
  constexpr std::string_view magic("\x89HDF\r\n\x1a\n");
  for (size_t offset = 0; offset < file.size(); offset = offset == 0 ? 512 : 2 * offset) {
    if (starts_with(file, magic, offset)) return true;
  }
  return false;
}

/// HDF5 has no bf16 and no bool of its own; both fit another type without loss.
std::string storable(const std::string& dtype) { return dtype == "bf16" ? "f32" : dtype == "bool" ? "u8" : dtype; }

/// The elements in storable(dtype); `made` holds them where they have to be made.
Bytes storable_bytes(const StoredTensor& tensor, std::vector<std::byte>& made) {
  const std::string dtype = storable(tensor.dtype);
  if (dtype == "f32") return std::as_bytes(std::span(tensor.values));
  if (!tensor.raw.empty()) return tensor.raw;
  made = from_floats(dtype, tensor.values);
  return made;
}

std::vector<const StoredTensor*> by_name(const WeightFile& file) {
  std::vector<const StoredTensor*> sorted;
  for (const StoredTensor& tensor : file.tensors) sorted.push_back(&tensor);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->name < b->name; });
  return sorted;
}

}  // namespace

int64_t StoredTensor::size() const {
  int64_t count = 1;
  for (int64_t n : shape) count *= n;
  return count;
}

std::vector<std::byte> StoredTensor::bytes() const { return raw.empty() ? from_floats(dtype, values) : raw; }

const StoredTensor* WeightFile::find(std::string_view name) const {
  for (const StoredTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

int64_t WeightFile::parameters() const {
  int64_t count = 0;
  for (const StoredTensor& tensor : tensors) count += tensor.size();
  return count;
}

WeightFile read_weights(const std::string& path) {
  const MappedFile mapped(path);
  const Bytes file = mapped.bytes();
  // torch.save's magic number 0x1950a86a20f9469cfc6c as a pickle of its own.
  constexpr std::string_view legacy_magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
  if (starts_with(file, legacy_magic)) return parse_pytorch_legacy(file, path);
  if (starts_with(file, "PK\x03\x04")) return parse_pytorch_zip(file, path);
  if (starts_with(file, "{", 8)) return parse_safetensors(file, path);
  if (is_hdf5(file)) {
    H5File read = read_hdf5(path);
    return is_keras(read) ? from_keras(std::move(read), path) : from_hdf5(std::move(read), path);
  }
  if (starts_with(file, "ustar", 257)) {
    throw Error(
        ExitCode::weights,
        fmt::format("{}: a tar archive (PyTorch before 0.1.10), which is not read; save it again with a newer PyTorch",
                    path));
  }
  if (starts_with(file, "\x80")) {
    throw Error(
        ExitCode::weights,
        fmt::format("{}: a pickle that torch.save did not write; expected a state dict saved by torch.save", path));
  }
  throw Error(ExitCode::weights,
              fmt::format("{}: not a file of weights; expected HDF5, Keras .h5, safetensors or PyTorch .pth", path));
}

void check_finite(const WeightFile& file, const std::string& path) {
  for (const StoredTensor& tensor : file.tensors) {
    const auto bad =
        std::find_if(tensor.values.begin(), tensor.values.end(), [](float v) { return !std::isfinite(v); });
    if (bad != tensor.values.end()) {
      throw Error(ExitCode::weights, fmt::format("{}: {} holds {} at element {}", path, shown(tensor.name), *bad,
                                                 bad - tensor.values.begin()));
    }
  }
}

std::string content_sha256(const WeightFile& file) {
  Sha256 sha;
  for (const StoredTensor* tensor : by_name(file)) {
    std::vector<std::byte> made;
    const Bytes bytes = storable_bytes(*tensor, made);
    sha.update(fmt::format("{} {} {} [{}]\n", tensor->name.size(), tensor->name, storable(tensor->dtype),
                           fmt::join(tensor->shape, ",")));
    sha.update(bytes.data(), bytes.size());
  }
  return sha.hex();
}

std::string card_mismatch(const WeightFile& file) {
  if (file.card.sha256.empty()) return "";
  const std::string found = content_sha256(file);
  if (found == file.card.sha256) return "";
  return fmt::format("tensors have SHA-256 {}, the card says {}", found, clean_text(file.card.sha256));
}

std::string write_weights_hdf5(const std::string& path, const WeightFile& file, bool force) {
  refuse_overwrite(path, force);
  std::vector<H5View> views;
  std::deque<std::vector<std::byte>> made;
  for (const StoredTensor* tensor : by_name(file)) {
    const Bytes bytes = storable_bytes(*tensor, made.emplace_back());
    const std::string dtype = storable(tensor->dtype);
    if (static_cast<int64_t>(bytes.size()) != tensor->size() * bytes_per_element(dtype)) {
      throw Error(ExitCode::failure, fmt::format("{}: {} has {} bytes, shape [{}] of {}", path, tensor->name,
                                                 bytes.size(), fmt::join(tensor->shape, ","), dtype));
    }
    views.push_back({tensor->name, dtype, tensor->shape, bytes.data()});
  }
  const ModelCard& card = file.card;
  std::map<std::string, std::string> attributes = card.attributes;
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) attributes[name] = text;
  };
  put("net", card.net);
  put("labels", fmt::format("{}", fmt::join(card.labels, "\n")));
  put("front_end", card.front_end);
  put("licence", card.licence);
  put("training_data", card.training_data);
  put("metrics", card.metrics);
  put("layout", card.layout);
  const std::string sha256 = content_sha256(file);
  put("sha256", sha256);
  write_hdf5(path, views, attributes, force);
  return sha256;
}

}  // namespace limbic
