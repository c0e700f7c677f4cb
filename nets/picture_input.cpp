// SPDX-License-Identifier: Apache-2.0
#include "nets/picture_input.h"

#include <algorithm>

#include "nets/saliency.h"

namespace limbic {
namespace {

const std::vector<PictureInput>& presets() {
  static const std::vector<PictureInput> presets = {
      {"grey-48", 48, 0.5f, 0.5f, false},
      {"grey-48-guided", 48, 0.5f, 0.5f, true},
      {"grey-112", 112, 0, 1, false},
  };
  return presets;
}

}  // namespace

std::vector<std::string> picture_input_names() {
  std::vector<std::string> names;
  for (const auto& preset : presets()) names.push_back(preset.name);
  return names;
}

const PictureInput* find_picture_input(const std::string& name) {
  const auto found =
      std::find_if(presets().begin(), presets().end(), [&](const PictureInput& preset) { return preset.name == name; });
  return found == presets().end() ? nullptr : &*found;
}

Tensor picture_maps(const PictureInput& input, const std::vector<uint8_t>& pixels) {
  const int64_t S = input.side, C = input.channels(), N = static_cast<int64_t>(pixels.size()) / (S * S);
  Tensor grey = Tensor::empty({N, S, S, 1});
  std::transform(pixels.begin(), pixels.end(), grey.data(), [](uint8_t v) { return static_cast<float>(v) / 255; });
  const auto seen = [&](float v) { return (v - input.mean) / input.scale; };
  Tensor maps = Tensor::empty({N, S, S, C});
  for (int64_t i = 0; i < grey.size(); ++i) maps.data()[i * C] = seen(grey.data()[i]);
  if (input.guided) {
    const Tensor guide = spectral_residual(grey);  // [N,S,S,1]
    for (int64_t i = 0; i < grey.size(); ++i) maps.data()[i * C + 1] = seen(guide.data()[i]);
  }
  return maps;
}

bool fits(const Net& net, const PictureInput& input) {
  return net.input_shape(1, input.side) == Shape{1, input.side, input.side, input.channels()};
}

}  // namespace limbic
