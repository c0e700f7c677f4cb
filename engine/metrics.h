// SPDX-License-Identifier: Apache-2.0
// What is said about a classifier.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace limbic {

/// Counts of (true label, predicted label).
class Confusion {
 public:
  explicit Confusion(int classes);
  void add(int label, int predicted);
  int classes() const { return classes_; }
  int64_t at(int label, int predicted) const;
  int64_t total() const;
  int64_t correct() const;
  double accuracy() const;           ///< 0 where nothing was counted
  double recall(int label) const;    ///< NaN for a class that does not occur
  double unweighted_recall() const;  ///< UAR: mean recall of the classes that occur

 private:
  int classes_;
  std::vector<int64_t> counts_;
};

double accuracy(const Tensor& scores, const std::vector<int32_t>& labels);  ///< scores [N,C]; the first maximum counts
double top_k_accuracy(const Tensor& scores, const std::vector<int32_t>& labels, int k);
/// Half width of the 95 % interval of a proportion p of n: 1.96 sqrt(p (1-p) / n).
double interval_half_width(double p, int64_t n);

}  // namespace limbic
