// SPDX-License-Identifier: Apache-2.0
// Which net a file holds, told from its tensors' names and shapes.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/random.h"
#include "nets/keys.h"
#include "nets/registry.h"

namespace limbic {
namespace {

// Keras numbers layers through a session, so conv2d_7 may be a file's first: "conv2d_7" -> {"conv2d", 7}.
struct KerasLayer {
  std::string kind;
  int number;
  bool operator<(const KerasLayer& o) const { return std::tie(kind, number) < std::tie(o.kind, o.number); }
};

KerasLayer keras_layer(const std::string& layer) {
  const size_t bar = layer.rfind('_');
  if (bar != std::string::npos && bar + 1 < layer.size() && layer.size() - bar < 8 &&
      std::all_of(layer.begin() + bar + 1, layer.end(), [](unsigned char c) { return std::isdigit(c); })) {
    return {layer.substr(0, bar), std::stoi(layer.substr(bar + 1))};
  }
  return {layer, 0};
}

// {"conv2d_7", "kernel"} of "a/conv2d_7/kernel:0" or "conv2d_7.kernel"; empty where the name is none of Keras's.
std::pair<std::string, std::string> keras_parts(std::string name) {
  if (name.ends_with(":0")) name.resize(name.size() - 2);
  std::replace(name.begin(), name.end(), '/', '.');
  if (name.starts_with("optimizer_weights")) return {};
  for (const char* leaf : {"kernel", "bias"}) {
    const std::string ending = std::string(".") + leaf;
    if (!name.ends_with(ending)) continue;
    const std::string layer = name.substr(0, name.size() - ending.size());
    const size_t dot = layer.rfind('.');
    return {dot == std::string::npos ? layer : layer.substr(dot + 1), leaf};
  }
  return {};
}

bool is_keras(const std::vector<FileTensor>& all) {
  return std::any_of(all.begin(), all.end(),
                     [](const FileTensor& t) { return keras_parts(t.name).second == "kernel"; });
}

class Shapes {
 public:
  Shapes(const std::vector<FileTensor>& tensors, const std::string& file) : file_(file) {
    for (const FileTensor& t : tensors) {
      const std::string key = published_key(t.name, tensors);
      if (!key.empty()) shapes_[key] = t.shape;
    }
    const bool based =
        std::any_of(shapes_.begin(), shapes_.end(), [](auto& s) { return s.first.starts_with("base."); });
    if (based) base_ = "base.";
  }
  bool has(const std::string& key) const { return find(key) != nullptr; }
  int extent(const std::string& key, size_t axis, size_t rank) const {
    const Shape* s = find(key);
    if (!s) throw Error(ExitCode::weights, fmt::format("{}: {} is missing", file_, key));
    if (s->size() != rank) {
      throw Error(ExitCode::weights, fmt::format("{}: {} is {}, wants {} axes", file_, key, shape_text(*s), rank));
    }
    const int64_t n = (*s)[axis];
    if (n < 1 || n > 1 << 20) {
      throw Error(ExitCode::weights, fmt::format("{}: {} is {}: no size for a layer", file_, key, shape_text(*s)));
    }
    return static_cast<int>(n);
  }

 private:
  const Shape* find(const std::string& key) const {
    auto it = shapes_.find(key);
    if (it == shapes_.end()) it = shapes_.find(base_ + key);
    return it == shapes_.end() ? nullptr : &it->second;
  }
  std::map<std::string, Shape> shapes_;
  std::string base_, file_;
};

std::string panns_variant(const Shapes& s, const std::string& file) {
  const std::string stft = "spectrogram_extractor.stft.conv_real.weight";
  if (!s.has(stft)) return "";
  switch (s.extent(stft, 2, 3)) {
    case 1024:
      return "cnn14";
    case 512:
      return "cnn14-16k";
    case 256:
      return "cnn14-8k";
  }
  throw Error(ExitCode::weights, fmt::format("{}: {} has windows of {} samples, wants 1024, 512 or 256", file, stft,
                                             s.extent(stft, 2, 3)));
}

NetDescription describe_panns(const Shapes& s, const std::string& file, const std::string& hint) {
  NetDescription d;
  int blocks = 0;
  while (s.has(fmt::format("conv_block{}.conv1.weight", blocks + 1))) ++blocks;
  for (int b = 1; b <= blocks; ++b)
    d.options.widths.push_back(s.extent(fmt::format("conv_block{}.conv1.weight", b), 0, 4));
  d.options.mels = s.extent("bn0.weight", 0, 1);
  if (s.has("fc.weight") && blocks == 4) {
    d.name = "voice";
    d.options.classes = s.extent("fc.weight", 0, 2);
    return d;
  }
  if (s.has("att_block.att.weight")) {
    throw Error(ExitCode::weights,
                fmt::format("{}: has att_block.att.weight: Cnn14_DecisionLevelAtt is no net of limbic", file));
  }
  d.options.embedding = s.extent("fc1.weight", 0, 2);
  if (s.has("fc_transfer.weight")) {
    d.name = "cnn14-transfer";
    d.options.classes = s.extent("fc_transfer.weight", 0, 2);
  } else {
    d.options.classes = s.extent("fc_audioset.weight", 0, 2);
    if (blocks == 6) {
      d.name = panns_variant(s, file);
      if (d.name.empty()) d.name = hint.starts_with("cnn14-") ? hint : "cnn14";
    } else if (blocks == 4) {
      d.name = s.has("conv_block1.conv2.weight") ? "cnn10" : "cnn6";
    }
  }
  if (d.name.empty() || (d.name == "cnn14-transfer" && blocks != 6)) {
    throw Error(ExitCode::weights,
                fmt::format("{}: has {} convolution blocks; Cnn14 has 6, Cnn10 and Cnn6 have 4", file, blocks));
  }
  return d;
}

NetDescription describe_keras(const Shapes& s) {
  NetDescription d;
  const bool flat = s.has("conv1d.kernel");
  const std::string conv = flat ? "conv1d" : "conv2d";
  const size_t rank = flat ? 3 : 4;
  d.name = flat ? "sys2-audio-1d" : "sys2-audio-2d";
  for (const char* number : {"", "_1", "_2"}) {
    d.options.widths.push_back(s.extent(conv + number + ".kernel", rank - 1, rank));
  }
  if (!flat) d.options.kernel = {s.extent("conv2d.kernel", 0, 4), s.extent("conv2d.kernel", 1, 4)};
  d.options.embedding = s.extent("dense.kernel", 1, 2);
  d.options.classes = s.extent("dense_1.kernel", 1, 2);
  return d;
}

NetDescription describe_alexnet(const Shapes& s) {
  NetDescription d{.name = "alexnet", .options = {}};
  for (const int layer : {0, 3, 6, 8, 10}) {
    d.options.widths.push_back(s.extent(fmt::format("features.{}.weight", layer), 0, 4));
  }
  d.options.embedding = s.extent("classifier.1.weight", 0, 2);
  d.options.classes = s.extent("classifier.6.weight", 0, 2);
  return d;
}

}  // namespace

std::string published_key(const std::string& name, const std::vector<FileTensor>& all) {
  const auto [layer, leaf] = keras_parts(name);
  if (!layer.empty() && is_keras(all)) {
    const KerasLayer own = keras_layer(layer);
    std::set<KerasLayer> before;
    for (const FileTensor& t : all) {
      const KerasLayer other = keras_layer(keras_parts(t.name).first);
      if (other.kind == own.kind && other.number < own.number) before.insert(other);
    }
    return before.empty() ? fmt::format("{}.{}", own.kind, leaf)
                          : fmt::format("{}_{}.{}", own.kind, before.size(), leaf);
  }
  if (name.starts_with("optimizer_weights")) return "";
  std::string key = name;
  for (const char* prefix : {"module.", "backbone."}) {
    if (key.starts_with(prefix)) key = key.substr(std::string(prefix).size());
  }
  return key;
}

NetDescription describe_net(const std::vector<FileTensor>& tensors, const std::string& file, const std::string& hint) {
  const Shapes s(tensors, file);
  NetDescription d;
  if (s.has("conv_block1.conv1.weight")) {
    d = describe_panns(s, file, hint);
  } else if (s.has("features.0.weight") && s.has("classifier.6.weight")) {
    d = describe_alexnet(s);
  } else if (s.has("conv2d.kernel") || s.has("conv1d.kernel")) {
    d = describe_keras(s);
  } else {
    throw Error(
        ExitCode::weights,
        fmt::format("{}: none of its {} tensors is the first layer of a net that limbic knows{}", file, tensors.size(),
                    tensors.empty() ? "" : fmt::format(" (the first is {})", tensors.front().name)));
  }
  if (!hint.empty() && hint != d.name) {
    throw Error(ExitCode::weights, fmt::format("{}: holds a net {}, not {}", file, d.name, hint));
  }
  return d;
}

std::unique_ptr<Net> net_from_weights(const std::vector<FileTensor>& tensors, const std::string& file,
                                      const std::string& hint, std::vector<std::string>* warnings) {
  const NetDescription d = describe_net(tensors, file, hint);
  const NoInitialisation every_number_is_read;
  auto net = make_net(d.name, d.options);
  const auto notes = load_state(*net, tensors, file);
  if (warnings) warnings->insert(warnings->end(), notes.begin(), notes.end());
  net->eval();
  return net;
}

}  // namespace limbic
