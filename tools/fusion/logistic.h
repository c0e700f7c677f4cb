// SPDX-License-Identifier: Apache-2.0
// Multinomial logistic regression, the fusion of system 1.
#pragma once
#include <vector>

#include "io/table.h"

namespace limbic {

/// log p_k = z_k - log sum_j exp z_j with z = W x + b.
struct Logistic {
  Matrix weights;                  ///< W [K, F]
  std::vector<double> intercepts;  ///< b [K], with sum 0
  int iterations = 0;              ///< of Newton's method
  double gradient_max = 0;         ///< largest component of the objective's gradient where it stopped

  Matrix probabilities(const Matrix& x) const;  ///< [N, F] -> [N, K]
};

/// Minimises C * sum of cross-entropies + |W|^2 / 2 over all K rows of W and b, scikit-learn's objective, until no
/// component of the gradient exceeds 1e-6. The same bits on every machine. Throws Error(failure) where it cannot.
Logistic fit_logistic(const Matrix& x, const std::vector<int>& labels, int classes, double C);

/// Row by row, in f64: exp(z - max) over its sum.
void softmax_row(double* z, int64_t count);

}  // namespace limbic
