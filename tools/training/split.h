// SPDX-License-Identifier: Apache-2.0
// Which clips a recipe trains on, chooses on, and is tested on.
#pragma once
#include <string>
#include <vector>

#include "io/dataset.h"
#include "tools/training/recipe.h"

namespace limbic {

struct Split {
  std::vector<std::string> labels;  ///< the recipe's classes, or all of the data
  std::vector<DatasetClip> train, validation, test;
};

/// The data with the labels that recipe.data.merge makes one. Throws Error(ExitCode::usage) for an entry that is not
/// "name = label, label", and for labels that do not occur or are merged twice.
Dataset merge_labels(const Recipe& recipe, const Dataset& data);

/// Fold `fold` of recipe.cv.drawn in the clips' split column, drawn with recipe.seed: of every label the same share of
/// groups is
/// test, and of the others recipe.cv.validation is validation.
Dataset draw_fold(const Recipe& recipe, const Dataset& data, int64_t fold);

/// After merge_labels by the recipe's groups, or by the split column where the recipe names none. Throws
/// Error(ExitCode::usage) for groups and labels that do not occur, speakers on two sides, a split without training
/// clips, and one without validation clips where the recipe chooses on them (train.keep, [grid]).
Split split_dataset(const Recipe& recipe, const Dataset& data);

/// "groups 17-20 (240 clips)" as logs say it.
std::string describe_side(const Recipe& recipe, const std::string& groups, size_t clips);

}  // namespace limbic
