// SPDX-License-Identifier: Apache-2.0
// Cross-entropy of logits against soft targets, with optional class weights; the caller divides by sum(weight_sum) for
// the weighted mean over a batch.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct CrossEntropyDims {
  int64_t rows;
  int C;
};

/// loss[r] = -sum_c w_c t_c log p_c with p = softmax(logits); weight_sum[r] = sum_c w_c t_c.
using CrossEntropyForward = void(const CrossEntropyDims&, const float* logits /*[rows,C]*/,
                                 const float* targets /*[rows,C]*/, const float* class_weight /*[C] or null: 1*/,
                                 float* loss /*[rows]*/, float* weight_sum /*[rows]*/, Stream);

/// Overwrites dlogits: dloss[r] * (p_c * weight_sum[r] - w_c t_c).
using CrossEntropyBackward = void(const CrossEntropyDims&, const float* logits, const float* targets,
                                  const float* class_weight, const float* dloss /*[rows]*/, float* dlogits /*[rows,C]*/,
                                  Stream);

std::span<const Rung<CrossEntropyDims, CrossEntropyForward>> cross_entropy_fwd_rungs();
std::span<const Rung<CrossEntropyDims, CrossEntropyBackward>> cross_entropy_bwd_rungs();

}  // namespace limbic
