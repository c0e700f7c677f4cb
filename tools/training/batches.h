// SPDX-License-Identifier: Apache-2.0
// Which examples a step sees, and what is done to them first. Everything random is a function of (seed, step, example),
// so that a resumed run sees the same batches.
#pragma once
#include <vector>

#include "tools/training/features.h"
#include "tools/training/recipe.h"

namespace limbic {

/// The order in which epoch `epoch` visits n examples.
std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, int64_t epoch);

struct Batch {
  Tensor maps;     ///< [N,T,M] or [N,S,S,C]
  Tensor targets;  ///< [N,C] soft labels
  std::vector<int32_t> labels;
  std::vector<int32_t> frames;  ///< of each map before it was filled up to the longest
};

/// The batch of `step` (counted over the whole run) from `chosen`, cropped to `frames` (0: the longest map's length)
/// and augmented as the recipe says.
Batch make_batch(const Recipe& recipe, const std::vector<const Example*>& chosen, int classes, int64_t frames,
                 int64_t step);

}  // namespace limbic
