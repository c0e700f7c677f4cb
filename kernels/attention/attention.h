// SPDX-License-Identifier: Apache-2.0
// The end of additive attention over time (Bahdanau et al. 2014; as Baziotis et al. 2018, arXiv 1804.06658, pool a
// sequence): a score a step, softmax over the steps that are no padding, and the mean of h with these weights:
//   s_t = tanh(w . u_t + bias);  a = softmax over t < length of dropout(s);  y = sum over t of a_t h_t
// The layers that make u from h are ordinary matrix products before it.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct AttentionDims {
  int N, T, A, E;
  float p = 0;                    ///< the chance of a score to be dropped; kept ones are scaled by 1 / (1 - p)
  uint64_t seed = 0, stream = 0;  ///< of kernels/philox.h; score [n,t] draws element n T + t, as kernels/dropout
  const uint64_t* stream_of_step = nullptr;  ///< CUDA: as in DropoutDims
};

/// scores are kept from before the dropout. At padding scores and weights are 0; of a sequence of no steps y is 0.
using AttentionForward = void(const AttentionDims&, const float* u /*[N,T,A]*/, const float* w /*[A]*/,
                              const float* bias /*[1]*/, const float* h /*[N,T,E]*/,
                              const int32_t* lengths /*[N] of 0..T, or null: all T*/, float* scores /*[N,T]*/,
                              float* weights /*[N,T]*/, float* y /*[N,E]*/, Stream);

/// Overwrites du, dw, dbias and dh; scores and weights are the forward's results.
using AttentionBackward = void(const AttentionDims&, const float* u, const float* w, const float* h,
                               const int32_t* lengths, const float* scores, const float* weights,
                               const float* dy /*[N,E]*/, float* du /*[N,T,A]*/, float* dw /*[A]*/,
                               float* dbias /*[1]*/, float* dh /*[N,T,E]*/, float* scratch, Stream);

std::span<const Rung<AttentionDims, AttentionForward>> attention_fwd_rungs();
std::span<const Rung<AttentionDims, AttentionBackward>> attention_bwd_rungs();

}  // namespace limbic
