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
  size_t blocks;  // one width each
  std::unique_ptr<Net> (*make)(const NetOptions&);
};
const Entry entries[] = {
    {"cnn14", 6, [](const NetOptions& o) { return make_cnn14(PannsRate::k32, o); }},
    {"cnn14-16k", 6, [](const NetOptions& o) { return make_cnn14(PannsRate::k16, o); }},
    {"cnn14-8k", 6, [](const NetOptions& o) { return make_cnn14(PannsRate::k8, o); }},
    {"cnn10", 4, make_cnn10},
    {"cnn6", 4, make_cnn6},
    {"cnn14-transfer", 6, make_cnn14_transfer},
    {"alexnet", 5, make_alexnet},
    {"sys2-audio-1d", 3, make_sys2_audio_1d},
    {"sys2-audio-2d", 3, make_sys2_audio_2d},
    {"voice", 4, make_voice},
    {"face", 4, make_face},
    {"guided-stn", 0, [](const NetOptions& o) { return make_spatial_transformer(Where::guide, o); }},
    {"unguided-stn", 0, [](const NetOptions& o) { return make_spatial_transformer(Where::picture, o); }},
    {"no-stn", 0, [](const NetOptions& o) { return make_spatial_transformer(Where::everywhere, o); }},
    {"bilstm-attention", 2, make_bilstm_attention},
    {"sys2-face", 4, make_sys2_face},
    {"resnet50", 4, make_resnet50},
};

// Sizes come from command lines and recipes. What is 0 or empty becomes the published one.
void check_sizes(const Entry& e, const NetOptions& o) {
  const bool system2 = e.make == make_sys2_audio_2d;    // published as one width, and with two kernels
  const bool layers = e.make == make_bilstm_attention;  // published with one and with two
  const auto refuse = [&](const std::string& why) { throw Error(ExitCode::usage, fmt::format("{}: {}", e.name, why)); };
  const auto check = [&](const char* what, int size, int least) {
    if (size < least || size > 1 << 20) refuse(fmt::format("{} {}: expected {} to {}", what, size, least, 1 << 20));
  };
  const size_t widths = o.widths.size();
  if (widths != 0 && widths != e.blocks && !((system2 || layers) && widths == 1)) {
    refuse(fmt::format("widths [{}]: found {}, expected {}{}", fmt::join(o.widths, ","), widths,
                       system2 || layers ? "1 or " : "", e.blocks));
  }
  for (int width : o.widths) check("width", width, 1);
  check("classes", o.classes, 0);
  check("embedding", o.embedding, 0);
  check("mels", o.mels, 0);
  check("features", o.features, 0);
  if (o.kernel.h == 0 && o.kernel.w == 0) return;
  if (!system2 || o.kernel.h < 1 || o.kernel.w < 1) {
    refuse(fmt::format("kernel [{},{}]: {}", o.kernel.h, o.kernel.w,
                       system2 ? "expected at least [1,1]" : "only sys2-audio-2d has one to choose"));
  }
}

}  // namespace

std::vector<std::string> net_names() {
  std::vector<std::string> names;
  for (const Entry& e : entries) names.emplace_back(e.name);
  return names;
}

std::unique_ptr<Net> make_net(const std::string& name, const NetOptions& options) {
  for (const Entry& e : entries) {
    if (name != e.name) continue;
    check_sizes(e, options);
    auto net = e.make(options);
    net->name = name;
    return net;
  }
  throw Error(ExitCode::usage, fmt::format("no net '{}'; there are {}", name, fmt::join(net_names(), ", ")));
}

bool fits(const Net& net, const FrontEnd& front_end) {
  const Shape x = net.input_shape(1, net.typical_frames);
  return x.size() != 3 || net.options.mels == 0 || net.options.mels == front_end.n_mels;
}

}  // namespace limbic
