// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/attention/attention.h"
#include "kernels/dropout/dropout_device.h"
#include "kernels/gpu_sum.h"
#include "kernels/philox.h"

namespace limbic::LIMBIC_DEVICE {

/// What dropout multiplies score i with.
__device__ inline float attention_kept(const AttentionDims& d, int64_t i) {
  if (d.p == 0) return 1;
  return philox_uniform(d.seed, dropout_stream(d), static_cast<uint64_t>(i)) >= d.p ? 1 / (1 - d.p) : 0.0f;
}

/// The gradient of w . u_t + bias, from that of the weight of step i and the sum of all steps' weights times theirs.
__device__ inline float attention_dz(const AttentionDims& d, int64_t i, float score, float weight, float dweight,
                                     float sum) {
  return weight * (dweight - sum) * attention_kept(d, i) * (1 - score * score);
}

__device__ inline int attention_length(const AttentionDims& d, const int32_t* lengths, int64_t n) {
  return lengths ? lengths[n] : d.T;
}

/// Is step i of [N,T] no padding?
__device__ inline bool attention_counts(const AttentionDims& d, const int32_t* lengths, int64_t i) {
  return i % d.T < attention_length(d, lengths, i / d.T);
}

}  // namespace limbic::LIMBIC_DEVICE
