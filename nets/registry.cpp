// SPDX-License-Identifier: Apache-2.0
#include "nets/registry.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nets/nets.h"

namespace limbic {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Net> (*make)(const NetOptions&);
};
const Entry entries[] = {
    {"cnn14", [](const NetOptions& o) { return make_cnn14(PannsRate::k32, o); }},
    {"cnn14-16k", [](const NetOptions& o) { return make_cnn14(PannsRate::k16, o); }},
    {"cnn14-8k", [](const NetOptions& o) { return make_cnn14(PannsRate::k8, o); }},
    {"cnn10", make_cnn10},
    {"cnn6", make_cnn6},
    {"cnn14-transfer", make_cnn14_transfer},
    {"alexnet", make_alexnet},
    {"sys2-audio-1d", make_sys2_audio_1d},
    {"sys2-audio-2d", make_sys2_audio_2d},
    {"voice", make_voice},
};

}  // namespace

std::vector<std::string> net_names() {
  std::vector<std::string> names;
  for (const Entry& e : entries) names.emplace_back(e.name);
  return names;
}

std::unique_ptr<Net> make_net(const std::string& name, const NetOptions& options) {
  for (const Entry& e : entries) {
    if (name != e.name) continue;
    auto net = e.make(options);
    net->name = name;
    return net;
  }
  throw Error(ExitCode::usage, fmt::format("no net '{}'; there are {}", name, fmt::join(net_names(), ", ")));
}

FrontEnd front_end_of(Net& net) {
  const FrontEnd* preset = find_front_end(net.front_end);
  if (!preset) throw Error(ExitCode::usage, fmt::format("{}: no front end '{}'", net.name, net.front_end));
  for (const NamedTensor& b : net.buffers()) {
    if (!b.name.ends_with("logmel_extractor.melW")) continue;
    return with_mel_matrix(*preset, b.tensor->to_vector(), static_cast<int>(b.tensor->dim(1)));
  }
  return *preset;
}

}  // namespace limbic
