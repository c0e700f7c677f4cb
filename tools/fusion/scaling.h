// SPDX-License-Identifier: Apache-2.0
// Column scaling, fitted on one table and applied to another.
#pragma once
#include <string>
#include <vector>

#include "io/table.h"

namespace limbic {

struct Scaler {
  std::vector<double> offset, scale;  ///< one a column: (x - offset) / scale

  /// "none"; "minmax": the column's range becomes [0,1]; "standard": mean 0, (population) deviation 1. A column without
  /// range is divided by 1.
  static Scaler fit(const std::string& kind, const Matrix& x);
  Matrix apply(const Matrix& x) const;  ///< nothing is clipped
};

}  // namespace limbic
