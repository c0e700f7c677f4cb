// SPDX-License-Identifier: Apache-2.0
// What a classifier does on labelled clips, in numbers, in words and as JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/metrics.h"
#include "tools/training/features.h"

namespace limbic {

struct Scores {
  std::vector<std::string> labels;
  Confusion confusion{1};
  double loss = 0;  ///< mean cross-entropy
  double top3 = 0;
  double accuracy() const { return confusion.accuracy(); }
};

/// What `model` answers about the examples, clip by clip. Throws Error(ExitCode::weights) where it answers NaN or
/// infinity.
Scores evaluate(Classifier& model, const std::vector<Example>& examples);

/// Counts of several folds added up.
Scores pooled(const std::vector<Scores>& folds);

/// {"clips","correct","accuracy","interval","top3","uar","loss","per_class":[...],"confusion":[[...]]}
nlohmann::ordered_json scores_json(const Scores& scores);

/// A few lines: accuracy with its 95 % interval, top-3, UAR, then recall per class and the confusion matrix.
std::string scores_text(const Scores& scores);

}  // namespace limbic
