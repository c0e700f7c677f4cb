// SPDX-License-Identifier: Apache-2.0
// A run as pictures (SVG).
#pragma once
#include <string>
#include <vector>

#include "tools/training/scores.h"

namespace limbic {

struct Curve {
  std::string name;
  std::string color;          ///< "#1f77b4"
  std::vector<double> values;  ///< one an epoch; NaN: none
};

/// Curves over epochs 1, 2, ..., drawn as lines.
std::string curves_svg(const std::string& title, const std::vector<Curve>& curves);

/// Rows are the truth; each cell is shaded by its share of the row.
std::string confusion_svg(const std::string& title, const Scores& scores);

}  // namespace limbic
