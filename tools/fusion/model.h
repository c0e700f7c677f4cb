// SPDX-License-Identifier: Apache-2.0
// From a labelled table to answers about another: what `limbic fuse` does between reading and printing.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/table.h"
#include "tools/training/scores.h"

namespace limbic {

struct FuseOptions {
  std::string method =
      "logistic";  ///< logistic, svc, knn, mlp on features; mean, median, mode, weighted on class scores
  std::string scale = "none";
  double C = 1;                        ///< logistic, svc
  int neighbours = 10;                 ///< knn
  std::vector<int> hidden = {80};      ///< mlp
  int64_t seed = 2020;                 ///< mlp
  std::vector<double> stream_weights;  ///< weighted; none: each stream's accuracy on the training table
};

/// Class probabilities [rows of test, classes] of what was fitted on `train`; the largest one (the first of equals) is
/// the prediction. `about` gets what is worth telling of the model.
Matrix fit_and_answer(const FuseOptions& options, const Table& train, const Table& test, nlohmann::ordered_json& about);

/// Every row is answered by a model that was fitted without the rows that share its value of column `key`; with
/// `calibrate` at the temperature that the other folds' answers, found in the same way among themselves, ask for.
Matrix answer_out_of_fold(const FuseOptions& options, const Table& table, const std::string& key,
                          bool calibrate = false);

/// The table's labels as class numbers; -1 where empty.
std::vector<int> class_numbers(const Table& table);

/// What the answers are worth on the rows that have a label.
Scores score(const Table& table, const Matrix& p);

/// The rows by their value of a key, values sorted.
struct Fold {
  std::string value;
  std::vector<int64_t> inside, outside;
};
std::vector<Fold> folds_of(const Table& table, const std::string& key);  ///< throws Error(usage): fewer than two

}  // namespace limbic
