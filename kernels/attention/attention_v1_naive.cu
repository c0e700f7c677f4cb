// SPDX-License-Identifier: Apache-2.0
// Idea: a launch for each step of the formula, a thread for each number it makes.
// Changed from v0: the loops over what does not depend on each other are grids.
// Why faster: N T scores, N E means at a time.
// Limited by: three launches forward and five backward; a thread reads a row alone, so that 32 rows share no request;
// the softmax has one thread a sequence.
// Next: v2 keeps a sequence in one block.
#include "kernels/attention/attention_device.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void attention_scores_v1(AttentionDims d, const float* u, const float* w, const float* bias,
                                    const int32_t* lengths, float* scores) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= int64_t{d.N} * d.T) return;
  LongSum z;
  for (int a = 0; a < d.A; ++a) z.add(w[a] * u[i * d.A + a]);
  scores[i] = attention_counts(d, lengths, i) ? tanhf(static_cast<float>(z.value()) + bias[0]) : 0.0f;
}

__global__ void attention_softmax_v1(AttentionDims d, const float* scores, const int32_t* lengths, float* weights) {
  const int64_t n = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (n >= d.N) return;
  const int64_t first = n * d.T, end = first + attention_length(d, lengths, n);
  float top = -INFINITY;
  for (int64_t i = first; i < end; ++i) top = fmaxf(top, scores[i] * attention_kept(d, i));
  LongSum sum;
  for (int64_t i = first; i < end; ++i) sum.add(expf(scores[i] * attention_kept(d, i) - top));
  const float all = static_cast<float>(sum.value());
  for (int64_t i = first; i < first + d.T; ++i) {
    weights[i] = i < end ? expf(scores[i] * attention_kept(d, i) - top) / all : 0.0f;
  }
}

__global__ void attention_pool_v1(AttentionDims d, const float* weights, const float* h, const int32_t* lengths,
                                  float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, n = i / d.E, first = n * d.T;
  if (n >= d.N) return;
  const int64_t end = first + attention_length(d, lengths, n);
  LongSum sum;
  for (int64_t step = first; step < end; ++step) sum.add(weights[step] * h[step * d.E + i % d.E]);
  y[i] = static_cast<float>(sum.value());
}

/// dz [N,T]: here the gradients of the weights.
__global__ void attention_dweights_v1(AttentionDims d, const float* h, const int32_t* lengths, const float* dy,
                                      float* dz) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= int64_t{d.N} * d.T) return;
  LongSum sum;
  for (int e = 0; e < d.E; ++e) sum.add(dy[i / d.T * d.E + e] * h[i * d.E + e]);
  dz[i] = attention_counts(d, lengths, i) ? static_cast<float>(sum.value()) : 0.0f;
}

__global__ void attention_dz_v1(AttentionDims d, const float* scores, const float* weights, float* dz) {
  const int64_t n = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (n >= d.N) return;
  LongSum sum;
  for (int64_t i = n * d.T; i < (n + 1) * d.T; ++i) sum.add(weights[i] * dz[i]);
  const float all = static_cast<float>(sum.value());
  for (int64_t i = n * d.T; i < (n + 1) * d.T; ++i) dz[i] = attention_dz(d, i, scores[i], weights[i], dz[i], all);
}

__global__ void attention_du_v1(AttentionDims d, const float* w, const float* dz, float* du) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < int64_t{d.N} * d.T * d.A) du[i] = dz[i / d.A] * w[i % d.A];
}

__global__ void attention_dh_v1(AttentionDims d, const float* weights, const float* dy, float* dh) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, step = i / d.E;
  if (step < int64_t{d.N} * d.T) dh[i] = weights[step] * dy[step / d.T * d.E + i % d.E];
}

/// Thread A has the bias, which is multiplied by 1.
__global__ void attention_dw_v1(AttentionDims d, const float* u, const int32_t* lengths, const float* dz, float* dw,
                                float* dbias) {
  const int64_t a = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (a > d.A) return;
  LongSum sum;
  for (int64_t i = 0; i < int64_t{d.N} * d.T; ++i) {
    if (attention_counts(d, lengths, i)) sum.add(a < d.A ? dz[i] * u[i * d.A + a] : dz[i]);
  }
  *(a < d.A ? dw + a : dbias) = static_cast<float>(sum.value());
}

namespace {

Grid over(int64_t n, Stream stream) { return {.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}; }

}  // namespace

size_t attention_bwd_scratch_v1(const AttentionDims& d) { return size_t(d.N) * d.T; }

void attention_fwd_v1_naive(const AttentionDims& d, const float* u, const float* w, const float* bias, const float* h,
                            const int32_t* lengths, float* scores, float* weights, float* y, Stream stream) {
  LAUNCH(attention_scores_v1, over(int64_t{d.N} * d.T, stream), d, u, w, bias, lengths, scores);
  LAUNCH(attention_softmax_v1, over(d.N, stream), d, scores, lengths, weights);
  LAUNCH(attention_pool_v1, over(int64_t{d.N} * d.E, stream), d, weights, h, lengths, y);
}

void attention_bwd_v1_naive(const AttentionDims& d, const float* u, const float* w, const float* h,
                            const int32_t* lengths, const float* scores, const float* weights, const float* dy,
                            float* du, float* dw, float* dbias, float* dh, float* scratch, Stream stream) {
  const int64_t steps = int64_t{d.N} * d.T;
  LAUNCH(attention_dweights_v1, over(steps, stream), d, h, lengths, dy, scratch);
  LAUNCH(attention_dz_v1, over(d.N, stream), d, scores, weights, scratch);
  LAUNCH(attention_du_v1, over(steps * d.A, stream), d, w, scratch, du);
  LAUNCH(attention_dh_v1, over(steps * d.E, stream), d, weights, dy, dh);
  LAUNCH(attention_dw_v1, over(d.A + 1, stream), d, u, lengths, scratch, dw, dbias);
}

}  // namespace limbic::LIMBIC_DEVICE
