// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <charconv>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>

#include "engine/error.h"
#include "io/hdf5.h"
#include "io/sha256.h"

namespace limbic {
namespace {

constexpr const char* schema = "limbic.checkpoint/1";

std::string previous(const std::string& path) { return path + ".previous"; }

/// Over every name, shape and bit, in the order of the names. Lengths stand before texts, so that no two checkpoints
/// hash the same bytes.
std::string hash(const Checkpoint& checkpoint) {
  Sha256 sha;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    sha.update(fmt::format("tensor {} {} {}\n", name.size(), name, fmt::join(tensor.shape, ",")));
    sha.update(tensor.values.data(), tensor.values.size() * sizeof(float));
  }
  for (const auto& [name, text] : checkpoint.fields) {
    sha.update(fmt::format("field {} {} {}\n", name.size(), name, text.size())).update(text);
  }
  return sha.hex();
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ExitCode::failure, fmt::format("{}: {}", path, why));
}

template <class Number>
Number parse(const Checkpoint& checkpoint, const std::string& name) {
  const auto field = checkpoint.fields.find(name);
  if (field == checkpoint.fields.end())
    throw Error(ExitCode::failure, fmt::format("checkpoint: has no field {}", name));
  const std::string& text = field->second;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Error(ExitCode::failure, fmt::format("checkpoint: field {} is '{}', expected a number", name, text));
  }
  return value;
}

}  // namespace

void Checkpoint::set(const std::string& name, double value) { fields[name] = fmt::format("{}", value); }
void Checkpoint::set(const std::string& name, int64_t value) { fields[name] = fmt::format("{}", value); }
double Checkpoint::number(const std::string& name) const { return parse<double>(*this, name); }
int64_t Checkpoint::integer(const std::string& name) const { return parse<int64_t>(*this, name); }

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  // Tensors and texts are datasets: an HDF5 attribute ends at 64 kB.
  std::vector<H5View> views;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const int64_t size = std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
    if (size != static_cast<int64_t>(tensor.values.size())) {
      refuse(path, fmt::format("tensor {} has {} values, shape [{}]", name, tensor.values.size(),
                               fmt::join(tensor.shape, ",")));
    }
    views.push_back({"tensors/" + name, "f32", tensor.shape, tensor.values.data()});
  }
  for (const auto& [name, text] : checkpoint.fields) {
    views.push_back({"fields/" + name, "u8", {static_cast<int64_t>(text.size())}, text.data()});
  }
  const std::string next = path + ".next";
  write_hdf5(next, views, {{"schema", schema}, {"sha256", hash(checkpoint)}}, true);
  // Between the two renames only .previous is there, which newest_checkpoint knows.
  std::error_code error;
  if (std::filesystem::exists(path, error)) std::filesystem::rename(path, previous(path), error);
  if (!error) std::filesystem::rename(next, path, error);
  if (error) refuse(path, fmt::format("cannot write: {}", error.message()));
}

Checkpoint read_checkpoint(const std::string& path) {
  H5File file;
  try {
    file = read_hdf5(path);
  } catch (const Error& error) {
    throw Error(ExitCode::failure, fmt::format("{} (not a complete checkpoint)", error.what()));
  }
  const auto& attributes = file.attributes;
  if (!attributes.contains("schema") || attributes.at("schema") != schema || !attributes.contains("sha256")) {
    refuse(path, fmt::format("is not a checkpoint: expected the attributes schema = {} and sha256", schema));
  }
  Checkpoint checkpoint;
  for (H5Tensor& tensor : file.tensors) {
    if (tensor.name.starts_with("tensors/") && tensor.dtype == "f32") {
      checkpoint.tensors[tensor.name.substr(8)] = {tensor.shape, std::move(tensor).floats()};
    } else if (tensor.name.starts_with("fields/") && tensor.dtype == "u8") {
      checkpoint.fields[tensor.name.substr(7)].assign(reinterpret_cast<const char*>(tensor.bytes.data()),
                                                      tensor.bytes.size());
    } else {
      refuse(path, fmt::format("damaged checkpoint: unexpected dataset {}", tensor.name));
    }
  }
  if (hash(checkpoint) != attributes.at("sha256"))
    refuse(path, "damaged checkpoint: its content does not have its SHA-256");
  return checkpoint;
}

std::optional<Checkpoint> newest_checkpoint(const std::string& path, std::vector<std::string>& notes) {
  const size_t before = notes.size();
  for (const std::string& candidate : {path, previous(path)}) {
    std::error_code error;
    if (!std::filesystem::exists(candidate, error)) continue;
    try {
      return read_checkpoint(candidate);
    } catch (const Error& damaged) {
      notes.push_back(damaged.what());
    }
  }
  if (notes.size() > before) refuse(path, fmt::format("no valid checkpoint: {}", notes[before]));
  return std::nullopt;
}

}  // namespace limbic
