// SPDX-License-Identifier: Apache-2.0
#include "nets/picture_input.h"

#include <algorithm>
#include <span>

#include "nets/saliency.h"

namespace limbic {
namespace {

const std::vector<PictureInput>& presets() {
  static const std::vector<PictureInput> presets = {
      {"grey-48", 48, 0.5f, 0.5f, false, false},
      {"grey-48-guided", 48, 0.5f, 0.5f, true, false},
      {"grey-112", 112, 0, 1, false, false},
      {"rgb-96", 96, 0, 1, false, true},
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
  const int64_t S = input.side, own = input.colour ? 3 : 1, N = static_cast<int64_t>(pixels.size()) / (S * S * own);
  Tensor picture = Tensor::empty({N, S, S, own});
  std::transform(pixels.begin(), pixels.end(), picture.data(), [](uint8_t v) { return static_cast<float>(v) / 255; });
  Tensor maps = picture;
  if (input.guided) maps = concat({picture, spectral_residual(picture)}, 3);  // [N,S,S,2]
  for (float& v : std::span(maps.data(), static_cast<size_t>(maps.size()))) v = (v - input.mean) / input.scale;
  return maps;
}

bool fits(const Net& net, const PictureInput& input) {
  return net.input_shape(1, input.side) == Shape{1, input.side, input.side, input.channels()};
}

}  // namespace limbic
