// SPDX-License-Identifier: Apache-2.0
// HDF5 files of weights: ours, and those of Keras 1 and 2.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/weight_formats.h"

namespace limbic {
namespace {

using Attributes = std::map<std::string, std::string>;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ExitCode::weights, fmt::format("{}: {}", path, why));
}

/// A list of names, one a line; a long one is cut into name0, name1, ... (HDF5 ends attributes at 64 kB).
std::vector<std::string> names(const Attributes& attributes, const std::string& attribute) {
  std::vector<std::string> all;
  const auto append = [&](const std::string& lines) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) all.push_back(line);
    }
  };
  if (const auto whole = attributes.find(attribute); whole != attributes.end()) append(whole->second);
  for (int part = 0;; ++part) {
    const auto piece = attributes.find(attribute + std::to_string(part));
    if (piece == attributes.end()) return all;
    append(piece->second);
  }
}

const Attributes* group(const H5File& file, const std::string& name) {
  if (name.empty()) return &file.attributes;
  const auto found = file.group_attributes.find(name);
  return found == file.group_attributes.end() ? nullptr : &found->second;
}

bool lists_layers(const Attributes* attributes) {
  return attributes != nullptr && (attributes->contains("layer_names") || attributes->contains("layer_names0"));
}

StoredTensor stored(H5Tensor&& from, std::string name) {
  StoredTensor tensor;
  tensor.name = std::move(name);
  tensor.values = std::move(from).floats();
  tensor.dtype = std::move(from.dtype);
  tensor.shape = std::move(from.shape);
  tensor.raw = std::move(from.bytes);
  return tensor;
}

/// Refuses what would be code if the model were built: the layers themselves are never read from here.
void check_model_config(const std::string& text, const std::string& path) {
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 200) throw std::length_error("deep");
    return true;
  };
  nlohmann::json config;
  try {
    config = nlohmann::json::parse(text, shallow);
  } catch (const nlohmann::json::exception&) {
    refuse(path, "model_config is no JSON");
  } catch (const std::length_error&) {
    refuse(path, "model_config is nested deeper than 200");
  }
  std::vector<const nlohmann::json*> open{&config};
  while (!open.empty()) {
    const nlohmann::json& node = *open.back();
    open.pop_back();
    if (node.is_object() && node.contains("class_name") && node["class_name"] == "Lambda") {
      refuse(path, "model_config has a Lambda layer, which is code");
    }
    if (node.is_structured()) {
      for (const auto& child : node) open.push_back(&child);
    }
  }
}

}  // namespace

bool is_keras(const H5File& file) {
  return lists_layers(group(file, "")) || lists_layers(group(file, "model_weights"));
}

WeightFile from_keras(H5File file, const std::string& path) {
  if (const auto config = file.attributes.find("model_config"); config != file.attributes.end()) {
    check_model_config(config->second, path);
  }
  const std::string root = lists_layers(group(file, "")) ? "" : "model_weights";
  std::map<std::string, H5Tensor*, std::less<>> datasets;
  for (H5Tensor& tensor : file.tensors) datasets.emplace(tensor.name, &tensor);

  WeightFile weights;
  weights.format = "keras";
  weights.card.layout = "keras";
  for (const std::string& layer : names(*group(file, root), "layer_names")) {
    const std::string folder = root.empty() ? layer : root + "/" + layer;
    const Attributes* attributes = group(file, folder);
    if (attributes == nullptr) continue;  // a layer without weights
    for (const std::string& weight : names(*attributes, "weight_names")) {
      const auto found = datasets.find(folder + "/" + weight);
      if (found == datasets.end()) refuse(path, fmt::format("{}: weight {} is missing", shown(layer), shown(weight)));
      // "dense/kernel:0" says its layer already; a weight inside a nested model does not.
      std::string name = weight.starts_with(layer + "/") ? weight : layer + "/" + weight;
      weights.tensors.push_back(stored(std::move(*found->second), std::move(name)));
      datasets.erase(found);
    }
  }
  if (weights.tensors.empty()) refuse(path, "a Keras file without weights");
  for (const char* name : {"keras_version", "backend"}) {
    if (const auto found = group(file, root)->find(name); found != group(file, root)->end())
      weights.card.attributes.insert(*found);
  }
  return weights;
}

WeightFile from_hdf5(H5File file, const std::string&) {
  WeightFile weights;
  weights.format = "hdf5";
  for (H5Tensor& tensor : file.tensors) {
    std::string name = tensor.name;
    weights.tensors.push_back(stored(std::move(tensor), std::move(name)));
  }
  ModelCard& card = weights.card;
  const auto take = [&](const char* name, std::string& into) {
    if (auto node = file.attributes.extract(name)) into = std::move(node.mapped());
  };
  take("net", card.net);
  take("front_end", card.front_end);
  take("licence", card.licence);
  take("training_data", card.training_data);
  take("metrics", card.metrics);
  take("layout", card.layout);
  take("sha256", card.sha256);
  card.labels = names(file.attributes, "labels");
  file.attributes.erase("labels");
  card.attributes = std::move(file.attributes);
  return weights;
}

}  // namespace limbic
