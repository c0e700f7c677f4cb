// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/scaling.h"

#include <algorithm>
#include <cmath>

namespace limbic {

Scaler Scaler::fit(const std::string& kind, const Matrix& x) {
  const auto columns = static_cast<size_t>(x.columns);
  Scaler scaler{std::vector<double>(columns, 0.0), std::vector<double>(columns, 1.0)};
  if (kind == "none") return scaler;
  const auto n = static_cast<double>(x.rows);
  for (int64_t c = 0; c < x.columns; ++c) {
    double low = x.row(0)[c], high = low, sum = 0, squares = 0;
    for (int64_t i = 0; i < x.rows; ++i) {
      low = std::min(low, x.row(i)[c]);
      high = std::max(high, x.row(i)[c]);
      sum += x.row(i)[c];
    }
    const double mean = sum / n;
    for (int64_t i = 0; i < x.rows; ++i) squares += (x.row(i)[c] - mean) * (x.row(i)[c] - mean);
    const bool minmax = kind == "minmax";
    scaler.offset[static_cast<size_t>(c)] = minmax ? low : mean;
    if (high > low) scaler.scale[static_cast<size_t>(c)] = minmax ? high - low : std::sqrt(squares / n);
  }
  return scaler;
}

Matrix Scaler::apply(const Matrix& x) const {
  Matrix scaled(x.rows, x.columns);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t c = 0; c < x.columns; ++c) {
      scaled.row(i)[c] = (x.row(i)[c] - offset[static_cast<size_t>(c)]) / scale[static_cast<size_t>(c)];
    }
  }
  return scaled;
}

}  // namespace limbic
