// SPDX-License-Identifier: Apache-2.0
// From a square to what a face net was trained on. Like the front ends of sound, each is a named preset that
// stands in a weight file's card.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nets/net.h"

namespace limbic {

struct PictureInput {
  std::string name;
  int side;           ///< pixels
  float mean, scale;  ///< what a net sees of a grey value v in [0,1]: (v - mean) / scale
  bool guided;        ///< beside the picture its spectral residual saliency, with the same mean and scale
  bool colour;        ///< red, green and blue in place of grey
  int channels() const { return colour ? 3 : guided ? 2 : 1; }
};

/// grey-48 (system 1: -1 to 1), grey-48-guided (the same and its saliency), grey-112 (system 2: 0 to 1), rgb-96 (system
/// 3: 0 to 1).
std::vector<std::string> picture_input_names();

/// The preset of that name, or nullptr.
const PictureInput* find_picture_input(const std::string& name);

/// Pixels [N,S,S], or [N,S,S,3] of a colour preset, 0 black to 255 -> [N,S,S,C].
Tensor picture_maps(const PictureInput& input, const std::vector<uint8_t>& pixels);

/// Whether the net takes such pictures.
bool fits(const Net& net, const PictureInput& input);

}  // namespace limbic
