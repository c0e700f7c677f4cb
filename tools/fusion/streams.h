// SPDX-License-Identifier: Apache-2.0
// Late fusion without training: several streams' class scores, combined row by row.
#pragma once
#include <string>
#include <vector>

#include "io/table.h"

namespace limbic {

/// The table's S*K columns as S streams of class probabilities [rows, K], each in the order of table.classes. A row of
/// K scores that are not already probabilities (none negative, sum 1) goes through a softmax. Throws Error(media) where
/// a file's columns are no multiple of K.
std::vector<Matrix> class_streams(const Table& table);

/// "mean", "median" (then scaled to sum 1), "weighted" by `weights`, or "mode": (votes + mean) / (S + 1), so that the
/// most votes win, ties are settled by the mean, and rows sum to 1.
Matrix combine(const std::vector<Matrix>& streams, const std::string& method, const std::vector<double>& weights = {});

/// Share of rows whose largest (the first of equals) score is `labels`' class.
double share_correct(const Matrix& p, const std::vector<int>& labels);

int first_maximum(const double* p, int64_t count);

}  // namespace limbic
