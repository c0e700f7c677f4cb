// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/neighbours.h"

#include <algorithm>
#include <utility>

namespace limbic {

Matrix neighbour_shares(const Matrix& x, const std::vector<int>& labels, int classes, int k, const Matrix& test) {
  k = static_cast<int>(std::min<int64_t>(k, x.rows));
  Matrix p(test.rows, classes);
  std::vector<std::pair<double, int64_t>> near(static_cast<size_t>(x.rows));  // squared distance, row
  for (int64_t i = 0; i < test.rows; ++i) {
    for (int64_t j = 0; j < x.rows; ++j) {
      double sum = 0;
      for (int64_t c = 0; c < x.columns; ++c) sum += (x.row(j)[c] - test.row(i)[c]) * (x.row(j)[c] - test.row(i)[c]);
      near[static_cast<size_t>(j)] = {sum, j};
    }
    std::partial_sort(near.begin(), near.begin() + k, near.end());
    for (int j = 0; j < k; ++j) p.row(i)[labels[static_cast<size_t>(near[static_cast<size_t>(j)].second)]] += 1.0 / k;
  }
  return p;
}

}  // namespace limbic
