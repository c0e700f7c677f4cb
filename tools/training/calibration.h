// SPDX-License-Identifier: Apache-2.0
// Does 80 % mean right in 80 of 100 clips? Measured, drawn, and put right by one number.
#pragma once
#include <cstdint>
#include <vector>

#include "io/table.h"

namespace limbic {

/// The temperature T that makes p^(1/T), scaled to sum 1, most likely to have produced `labels` (Guo et al. 2017,
/// arXiv 1706.04599): above 1 where p is too sure of itself. Rows with label -1 are left out. p [N, K].
double fit_temperature(const Matrix& p, const std::vector<int>& labels);

/// p^(1/T), each row scaled to sum 1.
Matrix at_temperature(const Matrix& p, double temperature);

struct Reliability {
  struct Bin {
    int64_t count = 0;
    double confidence = 0, accuracy = 0;  ///< mean of the largest probability; share of right answers
  };
  std::vector<Bin> bins;  ///< ten of equal width, by the largest probability
  double ece = 0;         ///< expected calibration error: mean |accuracy - confidence|, weighted by count
  double loss = 0;        ///< mean cross-entropy
};
Reliability reliability(const Matrix& p, const std::vector<int>& labels);

}  // namespace limbic
