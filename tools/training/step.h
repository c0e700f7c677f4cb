// SPDX-License-Identifier: Apache-2.0
// One step of training: a batch's gradients, micro-batch by micro-batch, and what the optimiser makes of them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/optim.h"
#include "engine/step_graph.h"
#include "tools/training/batches.h"
#include "tools/training/classifier.h"
#include "tools/training/recipe.h"

namespace limbic {

class TrainingStep {
 public:
  /// All of these outlive it. `class_weights` [C], or empty. in_graph: on a GPU or the emulator the second of two batches
  /// of one shape in a row is recorded as a CUDA graph, which serves all of that shape from then on, to the same bits. Not
  /// where the host has to look into a step: at gradients that are clipped, lengths of sequences, traced launches, or what
  /// a net does on the host, which `note` is told.
  TrainingStep(const Recipe& recipe, Classifier& model, const std::vector<NamedTensor>& trained, Optimizer& optimizer,
               Tensor class_weights, bool in_graph, std::function<void(const std::string&)> note);

  struct Outcome {
    double loss = 0;  ///< the batch's mean
    int64_t correct = 0;
  };
  /// Step `count` of the run (from 0).
  Outcome run(const Batch& batch, int64_t count);

 private:
  struct MicroBatch {
    Tensor loss, logits;
  };
  Tensor loss(const Tensor& logits, const Tensor& targets);
  std::vector<MicroBatch> compute(const Tensor& maps, const Tensor& targets, const std::vector<int32_t>& frames);
  void record(const Batch& batch, int64_t count);
  void set_random(int64_t count, int64_t micro_batch) const;

  const Recipe& recipe_;
  Classifier& model_;
  const std::vector<NamedTensor>& trained_;
  Optimizer& optimizer_;
  Tensor class_weights_;
  std::function<void(const std::string&)> note_;
  bool in_graph_;

  int64_t count_ = 0;
  Shape last_shape_;
  std::optional<StepGraph> graph_;
  Tensor maps_, targets_;             // what it reads
  std::vector<MicroBatch> recorded_;  // what it leaves
};

/// "conv_block1.conv1.weight" -> "conv_block1.conv1"
std::string layer_of(const NamedTensor& parameter);

}  // namespace limbic
