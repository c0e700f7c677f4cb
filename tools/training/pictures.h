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

/// Curves that share a vertical axis from 0 to `top` (0: to the highest value).
struct Panel {
  std::string name;
  std::vector<Curve> curves;
  double top = 0;
};

/// Panels side by side, each over epochs 1, 2, ...
std::string curves_svg(const std::string& title, const std::vector<Panel>& panels);

/// Rows are the truth, columns what was predicted; each cell is shaded by its share of the row.
std::string confusion_svg(const std::string& title, const Scores& scores);

}  // namespace limbic
