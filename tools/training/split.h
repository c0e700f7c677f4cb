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

/// By the recipe's groups, or by the manifest's split column where the recipe names none. Throws Error(ExitCode::usage)
/// for groups and labels that do not occur, speakers on two sides, a split without training clips, and one without
/// validation clips where the recipe chooses on them (train.keep, [grid]).
Split split_dataset(const Recipe& recipe, const Dataset& data);

/// "groups 17-20 (240 clips)" as logs say it.
std::string describe_side(const std::string& groups, size_t clips);

}  // namespace limbic
