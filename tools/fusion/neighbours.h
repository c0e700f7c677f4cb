// SPDX-License-Identifier: Apache-2.0
// k nearest neighbours.
#pragma once
#include <vector>

#include "io/table.h"

namespace limbic {

/// The share of each class among the `k` rows of x nearest to each test row (Euclidean; of equally far ones the first).
Matrix neighbour_shares(const Matrix& x, const std::vector<int>& labels, int classes, int k, const Matrix& test);

}  // namespace limbic
