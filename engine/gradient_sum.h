// SPDX-License-Identifier: Apache-2.0
// The gradient of a batch as the sum of the gradients of its micro-batches, with the same bits whoever computes which
// of them, and when: for batches that memory does not hold at once, and for ranks that share one.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/module.h"

namespace limbic {

/// Adds neighbours, then neighbouring sums, and so on: ((g0 + g1) + (g2 + g3)) + g4. The tree depends on the number of
/// micro-batches alone; a rank that computes a run of 2^k of them, from a multiple of 2^k on, has one of its nodes.
class GradientSum {
 public:
  /// Of the gradients of `parameters`, over `micro_batches` (at least 1).
  GradientSum(std::vector<NamedTensor> parameters, int64_t micro_batches);

  /// Takes the parameters' gradients, those of micro-batch i, away from them. Every i once, in any order; taken in
  /// turn, at most log2(micro_batches) + 1 sets of gradients are alive. Throws Error(ExitCode::usage) for any other i.
  void take(int64_t i);

  /// Gives the parameters the sum. Throws Error(ExitCode::usage) where a micro-batch was not taken.
  void give();

 private:
  std::vector<NamedTensor> parameters_;
  std::vector<bool> missing_;                                    // by micro-batch
  std::map<std::pair<int, int64_t>, std::vector<Tensor>> sums_;  // by level of the tree and place in it
};

}  // namespace limbic
