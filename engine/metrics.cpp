// SPDX-License-Identifier: Apache-2.0
#include "engine/metrics.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "engine/dispatch.h"

namespace limbic {
namespace {

void check_scores(const char* name, const Tensor& scores, const std::vector<int32_t>& labels) {
  if (scores.rank() != 2 || scores.dim(0) != static_cast<int64_t>(labels.size())) {
    refuse(name, ": scores ", scores.shape(), " for ", labels.size(), " labels, expected [", labels.size(), ",C]");
  }
  for (int32_t label : labels) {
    if (label < 0 || label >= scores.dim(1)) refuse(name, ": label ", label, ", expected 0 to ", scores.dim(1) - 1);
  }
}

}  // namespace

Confusion::Confusion(int classes)
    : classes_(classes), counts_(static_cast<size_t>(classes) * static_cast<size_t>(classes)) {}

void Confusion::add(int label, int predicted) {
  if (label < 0 || label >= classes_ || predicted < 0 || predicted >= classes_) {
    refuse("confusion: label ", label, " predicted ", predicted, ", expected 0 to ", classes_ - 1);
  }
  ++counts_[static_cast<size_t>(label * classes_ + predicted)];
}

int64_t Confusion::at(int label, int predicted) const {
  return counts_.at(static_cast<size_t>(label * classes_ + predicted));
}

int64_t Confusion::total() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

int64_t Confusion::correct() const {
  int64_t correct = 0;
  for (int c = 0; c < classes_; ++c) correct += at(c, c);
  return correct;
}

double Confusion::accuracy() const {
  return total() ? static_cast<double>(correct()) / static_cast<double>(total()) : 0;
}

double Confusion::recall(int label) const {
  int64_t row = 0;
  for (int c = 0; c < classes_; ++c) row += at(label, c);
  return row ? static_cast<double>(at(label, label)) / static_cast<double>(row)
             : std::numeric_limits<double>::quiet_NaN();
}

double Confusion::unweighted_recall() const {
  double sum = 0;
  int occurring = 0;
  for (int c = 0; c < classes_; ++c) {
    if (const double r = recall(c); !std::isnan(r)) sum += r, ++occurring;
  }
  return occurring ? sum / occurring : 0;
}

double accuracy(const Tensor& scores, const std::vector<int32_t>& labels) { return top_k_accuracy(scores, labels, 1); }

double top_k_accuracy(const Tensor& scores, const std::vector<int32_t>& labels, int k) {
  check_scores("top_k_accuracy", scores, labels);
  const int64_t C = scores.dim(1);
  int64_t hits = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const float* row = scores.data() + static_cast<int64_t>(i) * C;
    int64_t before = 0;  // classes that rank before the label; the first of equals ranks first
    for (int64_t c = 0; c < C; ++c) before += row[c] > row[labels[i]] || (row[c] == row[labels[i]] && c < labels[i]);
    hits += before < k && !std::isnan(row[labels[i]]);
  }
  return labels.empty() ? 0 : static_cast<double>(hits) / static_cast<double>(labels.size());
}

double interval_half_width(double p, int64_t n) {
  return n > 0 ? 1.96 * std::sqrt(p * (1 - p) / static_cast<double>(n)) : 0;
}

}  // namespace limbic
