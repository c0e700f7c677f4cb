// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/error.h"
#include "kernels/portable_math.h"
#include "tools/fusion/logistic.h"
#include "tools/fusion/mlp.h"
#include "tools/fusion/neighbours.h"
#include "tools/fusion/scaling.h"
#include "tools/fusion/streams.h"
#include "tools/fusion/svc.h"
#include "tools/training/calibration.h"

namespace limbic {
namespace {

Matrix combine_streams(const FuseOptions& options, const Table& train, const Table& test,
                       nlohmann::ordered_json& about) {
  const auto streams = class_streams(test);
  about["streams"] = streams.size();
  std::vector<double> weights;
  if (options.method == "weighted") {
    weights = options.stream_weights;
    if (weights.empty()) {
      for (const Matrix& p : class_streams(train)) weights.push_back(share_correct(p, class_numbers(train)));
      if (std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; }))
        weights.assign(weights.size(), 1.0);
    }
    if (weights.size() != streams.size()) {
      throw Error(ExitCode::usage, fmt::format("--stream-weights: found {} numbers, expected {}: one a stream",
                                               weights.size(), streams.size()));
    }
    about["stream_weights"] = weights;
  }
  return combine(streams, options.method, weights);
}

Matrix logistic(const FuseOptions& options, const Matrix& x, const std::vector<int>& labels, int classes,
                const Matrix& test, nlohmann::ordered_json& about) {
  const Logistic model = fit_logistic(x, labels, classes, options.C);
  about["iterations"] = model.iterations;
  about["gradient_max"] = model.gradient_max;
  auto rows = nlohmann::ordered_json::array();
  for (int64_t k = 0; k < classes; ++k)
    rows.push_back(std::vector<double>(model.weights.row(k), model.weights.row(k) + x.columns));
  about["coefficients"] = rows;  // [class][feature], on scaled columns
  about["intercepts"] = model.intercepts;
  return model.probabilities(test);
}

}  // namespace

std::vector<int> class_numbers(const Table& table) {
  std::vector<int> numbers;
  for (const auto& label : table.labels) {
    const auto at = std::find(table.classes.begin(), table.classes.end(), label);
    numbers.push_back(at == table.classes.end() ? -1 : static_cast<int>(at - table.classes.begin()));
  }
  return numbers;
}

Matrix fit_and_answer(const FuseOptions& options, const Table& train, const Table& test,
                      nlohmann::ordered_json& about) {
  const std::string& method = options.method;
  if (method == "mean" || method == "median" || method == "mode" || method == "weighted")
    return combine_streams(options, train, test, about);
  const auto classes = static_cast<int>(train.classes.size());
  const auto labels = class_numbers(train);
  const Scaler scaler = Scaler::fit(options.scale, train.x);
  const Matrix x = scaler.apply(train.x), asked = scaler.apply(test.x);
  if (method == "logistic") return logistic(options, x, labels, classes, asked, about);
  if (method == "svc") return svc_probabilities(x, labels, classes, options.C, asked);
  if (method == "knn") return neighbour_shares(x, labels, classes, options.neighbours, asked);
  MlpAnswer answer = mlp_probabilities(x, labels, classes,
                                       {.hidden = options.hidden, .seed = static_cast<uint64_t>(options.seed)}, asked);
  about["epochs"] = answer.epochs;
  about["train_loss"] = answer.loss;
  return std::move(answer.p);
}

std::vector<Fold> folds_of(const Table& table, const std::string& key) {
  const auto& values = table.key(key);
  std::vector<Fold> folds;
  for (const std::string& value : sorted_labels(values)) folds.push_back({value, {}, {}});
  if (folds.size() < 2)
    throw Error(ExitCode::usage, fmt::format("{}: column {} has one value ({}), expected two or more",
                                             table.parts.at(0).file, key, folds.at(0).value));
  for (Fold& fold : folds) {
    for (size_t i = 0; i < values.size(); ++i)
      (values[i] == fold.value ? fold.inside : fold.outside).push_back(static_cast<int64_t>(i));
  }
  return folds;
}

Matrix answer_out_of_fold(const FuseOptions& options, const Table& table, const std::string& key, bool calibrate) {
  Matrix p(table.rows(), static_cast<int64_t>(table.classes.size()));
  for (const Fold& fold : folds_of(table, key)) {
    nlohmann::ordered_json about;
    const Table others = table.chosen(fold.outside);
    Matrix part = fit_and_answer(options, others, table.chosen(fold.inside), about);
    if (calibrate)
      part = at_temperature(part, fit_temperature(answer_out_of_fold(options, others, key), class_numbers(others)));
    for (size_t i = 0; i < fold.inside.size(); ++i) {
      std::copy(part.row(static_cast<int64_t>(i)), part.row(static_cast<int64_t>(i)) + p.columns,
                p.row(fold.inside[i]));
    }
  }
  return p;
}

Scores score(const Table& table, const Matrix& p) {
  Scores scores{table.classes, Confusion(static_cast<int>(table.classes.size())), 0, 0};
  const auto labels = class_numbers(table);
  for (int64_t i = 0; i < p.rows; ++i) {
    const int label = labels[static_cast<size_t>(i)];
    if (label < 0) continue;
    const double* row = p.row(i);
    int before = 0;  // classes that rank before the label; the first of equals ranks first
    for (int64_t k = 0; k < p.columns; ++k) before += row[k] > row[label] || (row[k] == row[label] && k < label);
    scores.confusion.add(label, first_maximum(row, p.columns));
    scores.top3 += before < 3;
    scores.loss -= portable_log(std::max(row[label], std::numeric_limits<double>::epsilon()));
  }
  const double n = std::max<double>(1, static_cast<double>(scores.confusion.total()));
  scores.top3 /= n;
  scores.loss /= n;
  return scores;
}

}  // namespace limbic
