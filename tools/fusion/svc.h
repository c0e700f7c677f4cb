// SPDX-License-Identifier: Apache-2.0
// Support-vector classification with a Gaussian kernel, by libsvm: the solver behind the published rows (scikit-learn's
// SVC wraps it), small, in Debian, and not worth writing again.
#pragma once
#include <vector>

#include "io/table.h"

namespace limbic {

/// One-against-one C-SVC with gamma = 1 / (F * variance of all of x), scikit-learn's "scale". Returns the test rows'
/// class scores through a softmax: each class's votes, plus a share below one third by its summed decision values,
/// which settles ties (scikit-learn with break_ties).
Matrix svc_probabilities(const Matrix& x, const std::vector<int>& labels, int classes, double C, const Matrix& test);

}  // namespace limbic
