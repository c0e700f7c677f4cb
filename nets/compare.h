// SPDX-License-Identifier: Apache-2.0
// The first wrong layer: a net against tensors that another implementation computed from the same weights and input.
// References come from tools/make_reference.py: PyTorch in f64, NCHW and OIHW.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nets/registry.h"

namespace limbic {

struct CompareCheck {
  std::string name;  ///< the reference's own: "float64/act/block1"
  double error;      ///< infinity where a number is NaN, or more than 99 % of the reference are zeros
  double tolerance;
  bool ok;
};

enum class CompareMode { of_reference, eval, train };

struct CompareOptions {
  CompareMode mode = CompareMode::of_reference;  ///< a training step has counted the batch norms up
  bool stop_at_first_failure = true;
};

struct CompareResult {
  bool ok = true;
  std::string first_failure;  ///< empty where all hold
  std::vector<CompareCheck> checks;
};

/// Feeds `input/*` or `float64/act/logmel` and compares, in the order of computing: activations (in eval mode both of
/// inference and of the recorded forward pass), loss, gradients from the last layer to the first, batch-norm buffers,
/// the norm of each parameter's first AMSGrad step (lr 1e-3). Changes the net's buffers in train mode.
/// Tolerances are relative: activations and gradients to the reference's largest element and norm. A gradient beyond
/// its tolerance is measured again from inputs a few units in the last place larger, and counts with its smallest
/// error. `each` sees every check as it is made. A gradient that only the reference has fails. Error(ExitCode::weights)
/// where the reference is none, of other shapes than the net, or holds nothing that could be checked.
CompareResult compare(Net& net, const std::vector<FileTensor>& reference, const std::string& file,
                      const CompareOptions& options = {}, const std::function<void(const CompareCheck&)>& each = {});

}  // namespace limbic
