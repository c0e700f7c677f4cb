// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "tools/fusion/logistic.h"

namespace limbic {
namespace {

// Scores printed with a few digits still count as probabilities.
bool are_probabilities(const double* scores, int64_t count) {
  double sum = 0;
  for (int64_t k = 0; k < count; ++k) {
    if (scores[k] < 0) return false;
    sum += scores[k];
  }
  return std::abs(sum - 1) <= 1e-3;
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

}  // namespace

int first_maximum(const double* p, int64_t count) { return static_cast<int>(std::max_element(p, p + count) - p); }

double share_correct(const Matrix& p, const std::vector<int>& labels) {
  int64_t hits = 0;
  for (int64_t i = 0; i < p.rows; ++i) hits += first_maximum(p.row(i), p.columns) == labels[static_cast<size_t>(i)];
  return p.rows ? static_cast<double>(hits) / static_cast<double>(p.rows) : 0;
}

std::vector<Matrix> class_streams(const Table& table) {
  const auto K = static_cast<int64_t>(table.classes.size());
  std::vector<Matrix> streams;
  int64_t begin = 0;
  for (const Table::Part& part : table.parts) {
    const auto columns = static_cast<int64_t>(part.features.size());
    if (columns % K) {
      throw Error(ExitCode::media, fmt::format("{}, line 1: found {} columns of numbers, expected a multiple of {}: a "
                                               "score for each label, stream after stream",
                                               part.file, columns, K));
    }
    for (int64_t first = begin; first < begin + columns; first += K) {
      Matrix p(table.rows(), K);
      for (int64_t i = 0; i < p.rows; ++i) {
        for (int64_t k = 0; k < K; ++k) p.row(i)[part.class_order[static_cast<size_t>(k)]] = table.x.row(i)[first + k];
        if (!are_probabilities(p.row(i), K)) softmax_row(p.row(i), K);
      }
      streams.push_back(std::move(p));
    }
    begin += columns;
  }
  return streams;
}

Matrix combine(const std::vector<Matrix>& streams, const std::string& method, const std::vector<double>& weights) {
  const auto S = static_cast<double>(streams.size());
  Matrix out(streams[0].rows, streams[0].columns);
  std::vector<double> values(streams.size());
  double total = 0;
  for (const double weight : weights) total += weight;
  for (int64_t i = 0; i < out.rows; ++i) {
    double* p = out.row(i);
    for (int64_t k = 0; k < out.columns; ++k) {
      for (size_t s = 0; s < streams.size(); ++s) {
        values[s] = streams[s].row(i)[k];
        p[k] += method == "weighted" ? weights[s] / total * values[s] : values[s] / S;
      }
      if (method == "median") p[k] = median(values);
    }
    if (method == "mode") {
      for (const Matrix& stream : streams) p[first_maximum(stream.row(i), out.columns)] += 1;
      for (int64_t k = 0; k < out.columns; ++k) p[k] /= S + 1;
    }
    if (method == "median") {
      double sum = 0;
      for (int64_t k = 0; k < out.columns; ++k) sum += p[k];
      for (int64_t k = 0; sum > 0 && k < out.columns; ++k) p[k] /= sum;
    }
  }
  return out;
}

}  // namespace limbic
