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
  for (const char* leaf : {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}) {
    const std::string ending = std::string(".") + leaf;
    if (!name.ends_with(ending)) continue;
    const std::string layer = name.substr(0, name.size() - ending.size());
    const size_t dot = layer.rfind('.');
    return {dot == std::string::npos ? layer : layer.substr(dot + 1), leaf};
  }
  return {};
}

class Shapes {
 public:
  Shapes(const std::vector<FileTensor>& tensors, const std::string& file) : file_(file) {
    const auto keys = published_keys(tensors);
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (!keys[i].empty()) shapes_[keys[i]] = tensors[i].shape;
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
  // Sizes read off single axes are claims until the tensors agree on them.
  void want(const std::string& net, const std::string& key, const Shape& expected) const {
    const Shape* s = find(key);
    if (!s) {
      throw Error(ExitCode::weights,
                  fmt::format("{}: {} is missing, {} wants it as {}", file_, key, net, shape_text(expected)));
    }
    if (*s != expected) {
      throw Error(ExitCode::weights,
                  fmt::format("{}: {} is {}, {} wants {}", file_, key, shape_text(*s), net, shape_text(expected)));
    }
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
  if (s.has("fc.weight") && blocks == 4 && !s.has("bn0.weight")) {
    d.name = "face";
    d.options.classes = s.extent("fc.weight", 0, 2);
    return d;
  }
  d.options.mels = s.extent("bn0.weight", 0, 1);
  if (d.options.mels > 513) {
    throw Error(ExitCode::weights,
                fmt::format("{}: bn0.weight is [{}]: more mel bins than a spectrum of 513 has", file, d.options.mels));
  }
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

NetDescription describe_system2_face(const Shapes& s) {
  NetDescription d{.name = "sys2-face", .options = {}};
  for (const char* number : {"", "_1", "_2", "_3"}) {
    d.options.widths.push_back(s.extent(fmt::format("conv2d{}.kernel", number), 3, 4));
  }
  d.options.embedding = s.extent("dense.kernel", 1, 2);
  d.options.classes = s.extent("dense_1.kernel", 1, 2);
  return d;
}

NetDescription describe_resnet50(const Shapes& s) {
  NetDescription d{.name = "resnet50", .options = {}};
  for (const int stack : {2, 3, 4, 5}) {
    d.options.widths.push_back(s.extent(fmt::format("conv{}_block1_1_conv.kernel", stack), 3, 4));
  }
  d.options.embedding = s.extent("dense.kernel", 1, 2);
  d.options.classes = s.extent("dense_1.kernel", 1, 2);
  return d;
}

NetDescription describe_spatial_transformer(const Shapes& s, const std::string& hint) {
  NetDescription d{.name = "no-stn", .options = {}};
  if (s.has("localization.0.weight")) d.name = hint == "unguided-stn" ? hint : "guided-stn";
  d.options.embedding = s.extent("fc1.weight", 0, 2);
  d.options.classes = s.extent("fc2.weight", 0, 2);
  return d;
}

NetDescription describe_bilstm_attention(const Shapes& s, const std::string& file) {
  NetDescription d{.name = "bilstm-attention", .options = {}};
  const auto weight = [](const char* kind, int layer) {
    return fmt::format("feature_extractor.encoder.lstm.weight_{}_l{}", kind, layer);
  };
  d.options.features = s.extent(weight("ih", 0), 1, 2);
  for (int layer = 0; layer == 0 || s.has(weight("hh", layer)); ++layer) {
    d.options.widths.push_back(s.extent(weight("hh", layer), 1, 2));
  }
  if (d.options.widths.size() > 2) {
    throw Error(ExitCode::weights,
                fmt::format("{}: has {} LSTM layers, bilstm-attention has 1 or 2", file, d.options.widths.size()));
  }
  d.options.classes = s.extent("linear.weight", 0, 2);
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

template <class Want>
void each_bilstm_weight(const NetOptions& o, const Want& want) {
  const int64_t units = o.widths[0], layers = static_cast<int64_t>(o.widths.size());
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (const char* direction : {"", "_reverse"}) {
      const std::string end = fmt::format("l{}{}", layer, direction);
      want("feature_extractor.encoder.lstm.weight_ih_" + end, Shape{4 * units, layer == 0 ? o.features : 2 * units});
      want("feature_extractor.encoder.lstm.weight_hh_" + end, Shape{4 * units, units});
    }
    want(fmt::format("feature_extractor.attention.attention.{}.weight", 3 * layer),
         Shape{layer + 1 < layers ? 2 * units : 1, 2 * units});
  }
  want("linear.weight", Shape{o.classes, 2 * units});
}

template <class Want>
void each_resnet50_weight(const NetOptions& o, const Want& want) {
  int64_t in = o.widths[0];
  want("conv1_conv.kernel", Shape{7, 7, 3, in});
  constexpr int depths[] = {3, 4, 6, 3};
  for (int stack = 0; stack < 4; ++stack) {
    const int64_t width = o.widths[stack];
    for (int i = 0; i < depths[stack]; ++i, in = 4 * width) {
      const std::string block = fmt::format("conv{}_block{}_", stack + 2, i + 1);
      if (i == 0) want(block + "0_conv.kernel", Shape{1, 1, in, 4 * width});
      want(block + "1_conv.kernel", Shape{1, 1, in, width});
      want(block + "2_conv.kernel", Shape{3, 3, width, width});
      want(block + "3_conv.kernel", Shape{1, 1, width, 4 * width});
    }
  }
  want("dense.kernel", Shape{in, o.embedding});
  want("dense_1.kernel", Shape{o.embedding, o.classes});
}

// Calls want(key, shape) for every weight that decides how much memory the net takes.
template <class Want>
void each_weight(const NetDescription& d, const Want& want) {
  const NetOptions& o = d.options;
  const auto& w = o.widths;
  if (d.name == "alexnet") {
    const int64_t size[] = {11, 5, 3, 3, 3}, layer[] = {0, 3, 6, 8, 10};
    for (int i = 0; i < 5; ++i) {
      want(fmt::format("features.{}.weight", layer[i]), Shape{w[i], i == 0 ? 3 : w[i - 1], size[i], size[i]});
    }
    want("classifier.1.weight", Shape{o.embedding, int64_t{36} * w[4]});
    want("classifier.4.weight", Shape{o.embedding, o.embedding});
    want("classifier.6.weight", Shape{o.classes, o.embedding});
    return;
  }
  if (d.name.starts_with("sys2-audio")) {
    const bool flat = d.name == "sys2-audio-1d";
    const char* number[] = {"", "_1", "_2"};
    for (int i = 0; i < 3; ++i) {
      const int in = i == 0 ? 1 : w[i - 1];
      want(fmt::format("conv{}d{}.kernel", flat ? 1 : 2, number[i]),
           flat ? Shape{10, in, w[i]} : Shape{o.kernel.h, o.kernel.w, in, w[i]});
    }
    want("dense.kernel", Shape{int64_t{flat ? 3 : 1} * w[2], o.embedding});
    want("dense_1.kernel", Shape{o.embedding, o.classes});
    return;
  }
  if (d.name.ends_with("-stn")) {
    want("fc1.weight", Shape{o.embedding, 810});
    want("fc2.weight", Shape{o.classes, o.embedding});
    return;
  }
  if (d.name == "bilstm-attention") return each_bilstm_weight(o, want);
  if (d.name == "sys2-face") {
    want("conv2d.kernel", Shape{5, 5, 1, w[0]});
    want("conv2d_1.kernel", Shape{5, 5, w[0], w[1]});
    want("conv2d_2.kernel", Shape{3, 3, w[1], w[2]});
    want("conv2d_3.kernel", Shape{3, 3, w[2], w[3]});
    want("dense.kernel", Shape{int64_t{49} * w[3], o.embedding});
    want("dense_1.kernel", Shape{o.embedding, o.classes});
    return;
  }
  if (d.name == "resnet50") return each_resnet50_weight(o, want);
  const int64_t size = d.name == "cnn6" ? 5 : 3;
  int64_t in = 1;
  for (size_t b = 0; b < w.size(); in = w[b++]) {
    want(fmt::format("conv_block{}.conv1.weight", b + 1), Shape{w[b], in, size, size});
    if (d.name != "cnn6") want(fmt::format("conv_block{}.conv2.weight", b + 1), Shape{w[b], w[b], size, size});
  }
  if (d.name == "voice" || d.name == "face") {
    want("fc.weight", Shape{o.classes, in});
    return;
  }
  const bool transfer = d.name == "cnn14-transfer";
  want("fc1.weight", Shape{o.embedding, in});
  want("fc_audioset.weight", Shape{transfer ? 527 : o.classes, o.embedding});
  if (transfer) want("fc_transfer.weight", Shape{o.classes, o.embedding});
}

NetDescription describe(const Shapes& s, const std::vector<FileTensor>& tensors, const std::string& file,
                        const std::string& hint) {
  NetDescription d;
  if (s.has("conv_block1.conv1.weight")) {
    d = describe_panns(s, file, hint);
  } else if (s.has("features.0.weight") && s.has("classifier.6.weight")) {
    d = describe_alexnet(s);
  } else if (s.has("conv1_conv.kernel")) {
    d = describe_resnet50(s);
  } else if (s.has("conv2d.kernel") && s.has("batch_normalization.gamma")) {
    d = describe_system2_face(s);
  } else if (s.has("conv2d.kernel") || s.has("conv1d.kernel")) {
    d = describe_keras(s);
  } else if (s.has("conv4.weight") && s.has("norm.weight")) {
    d = describe_spatial_transformer(s, hint);
  } else if (s.has("feature_extractor.encoder.lstm.weight_ih_l0")) {
    d = describe_bilstm_attention(s, file);
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

}  // namespace

std::vector<std::string> published_keys(const std::vector<FileTensor>& tensors) {
  std::vector<std::pair<KerasLayer, std::string>>
      parts;                        // layer and leaf; both empty where the name is none of Keras's
  std::map<KerasLayer, int> place;  // among the layers of its kind
  bool keras = false;
  for (const FileTensor& t : tensors) {
    auto [layer, leaf] = keras_parts(t.name);
    keras = keras || leaf == "kernel";
    parts.emplace_back(keras_layer(layer), leaf);
    if (!layer.empty()) place[parts.back().first] = 0;
  }
  for (auto it = place.begin(), before = it; it != place.end(); before = it++) {
    if (it->first.kind == before->first.kind && it != before) it->second = before->second + 1;
  }

  std::vector<std::string> keys;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [layer, leaf] = parts[i];
    std::string key = tensors[i].name;
    if (keras && !layer.kind.empty()) {
      const int number = place[layer];
      key = number == 0 ? fmt::format("{}.{}", layer.kind, leaf) : fmt::format("{}_{}.{}", layer.kind, number, leaf);
    } else if (key.starts_with("optimizer_weights")) {
      key.clear();
    } else {
      for (const std::string prefix : {"module.", "backbone."}) {
        if (key.starts_with(prefix)) key.erase(0, prefix.size());
      }
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

NetDescription describe_net(const std::vector<FileTensor>& tensors, const std::string& file, const std::string& hint) {
  return describe(Shapes(tensors, file), tensors, file, hint);
}

std::unique_ptr<Net> net_from_weights(const std::vector<FileTensor>& tensors, const std::string& file,
                                      const std::string& hint, std::vector<std::string>* warnings) {
  const Shapes shapes(tensors, file);
  const NetDescription d = describe(shapes, tensors, file, hint);
  each_weight(d, [&](const std::string& key, const Shape& shape) { shapes.want(d.name, key, shape); });
  const NoInitialisation every_number_is_read;
  auto net = make_net(d.name, d.options);
  const auto notes = load_state(*net, tensors, file);
  if (warnings) warnings->insert(warnings->end(), notes.begin(), notes.end());
  net->eval();
  return net;
}

}  // namespace limbic
