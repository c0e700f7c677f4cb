// SPDX-License-Identifier: Apache-2.0
// A run as pictures (SVG).
#pragma once
#include <string>
#include <vector>

#include "tools/training/calibration.h"
#include "tools/training/scores.h"

namespace limbic {

struct Curve {
  std::string name;
  std::string color;           ///< "#1f77b4"
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

/// Accuracy over confidence: one dot a bin (its area the number of clips, its whisker the 95 % interval) beside the
/// diagonal on which both agree, and how many clips each bin holds. Two measurements, as before and after calibration,
/// stand side by side.
struct ReliabilityPanel {
  std::string name;
  Reliability reliability;
};
std::string reliability_svg(const std::string& title, const std::vector<ReliabilityPanel>& panels);

}  // namespace limbic
