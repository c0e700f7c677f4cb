// SPDX-License-Identifier: Apache-2.0
// A multilayer perceptron on feature columns, trained by the engine.
#pragma once
#include <cstdint>
#include <vector>

#include "io/table.h"

namespace limbic {

/// What scikit-learn's MLPClassifier does unasked: the settings of the published rows, which name the hidden sizes
/// only.
struct MlpOptions {
  std::vector<int> hidden = {80};  ///< ReLU layers
  uint64_t seed = 2020;
  double lr = 1e-3;     ///< Adam
  double alpha = 1e-4;  ///< penalty alpha / 2 * |W|^2 / batch, not on biases
  int64_t batch = 200, epochs = 200;
  double tolerance = 1e-4;  ///< an epoch counts as better when its mean loss is lower by this
  int patience = 10;        ///< stops after more than so many epochs in a row without a better one
};

struct MlpAnswer {
  Matrix p;            ///< [test rows, classes]
  int64_t epochs = 0;  ///< trained
  double loss = 0;     ///< of the last epoch, penalty included
};

/// Trains on x and answers for `test`.
MlpAnswer mlp_probabilities(const Matrix& x, const std::vector<int>& labels, int classes, const MlpOptions& options,
                            const Matrix& test);

}  // namespace limbic
