// SPDX-License-Identifier: Apache-2.0
#include "tools/training/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/portable_math.h"

namespace limbic {
namespace {

double safe_log(double p) { return portable_log(std::max(p, std::numeric_limits<double>::epsilon())); }
double safe_exp(double x) { return portable_exp(std::max(x, -700.0)); }

// d/da of the mean cross-entropy of softmax(a log p): the expected log p minus the label's.
double slope(const Matrix& p, const std::vector<int>& labels, double a) {
  double total = 0;
  for (int64_t i = 0; i < p.rows; ++i) {
    const int label = labels[static_cast<size_t>(i)];
    if (label < 0) continue;
    const double high = safe_log(*std::max_element(p.row(i), p.row(i) + p.columns));
    double sum = 0, expected = 0;
    for (int64_t k = 0; k < p.columns; ++k) {
      const double weight = safe_exp(a * (safe_log(p.row(i)[k]) - high));
      sum += weight;
      expected += weight * safe_log(p.row(i)[k]);
    }
    total += expected / sum - safe_log(p.row(i)[label]);
  }
  return total;
}

}  // namespace

double fit_temperature(const Matrix& p, const std::vector<int>& labels) {
  // The slope rises with a = 1/T: halve the interval of log a. Perfect answers would want T = 0; stop at 1/20 and 20.
  double low = -portable_log(20.0), high = portable_log(20.0);
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (slope(p, labels, portable_exp(middle)) < 0 ? low : high) = middle;
  }
  return portable_exp(-0.5 * (low + high));
}

Matrix at_temperature(const Matrix& p, double temperature) {
  Matrix out(p.rows, p.columns);
  for (int64_t i = 0; i < p.rows; ++i) {
    const double high = safe_log(*std::max_element(p.row(i), p.row(i) + p.columns));
    double sum = 0;
    for (int64_t k = 0; k < p.columns; ++k)
      sum += out.row(i)[k] = safe_exp((safe_log(p.row(i)[k]) - high) / temperature);
    for (int64_t k = 0; k < p.columns; ++k) out.row(i)[k] /= sum;
  }
  return out;
}

Reliability reliability(const Matrix& p, const std::vector<int>& labels) {
  constexpr int bins = 10;
  Reliability r;
  r.bins.resize(bins);
  double clips = 0;
  for (int64_t i = 0; i < p.rows; ++i) {
    const int label = labels[static_cast<size_t>(i)];
    if (label < 0) continue;
    const double* best = std::max_element(p.row(i), p.row(i) + p.columns);
    Reliability::Bin& bin = r.bins[static_cast<size_t>(std::min(bins - 1, static_cast<int>(*best * bins)))];
    ++bin.count;
    bin.confidence += *best;
    bin.accuracy += best - p.row(i) == label;
    r.loss -= safe_log(p.row(i)[label]);
    ++clips;
  }
  for (auto& bin : r.bins) {
    if (bin.count == 0) continue;
    r.ece += std::abs(bin.accuracy - bin.confidence) / clips;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  if (clips > 0) r.loss /= clips;
  return r;
}

}  // namespace limbic
