// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

__device__ inline float batch_norm_value(float x, float mean, float scale, float bias) {
  return fmaf(x - mean, scale, bias);
}

/// One channel's constants, and what they make of x. Forward and backward share it: the ReLU's mask must be the same.
struct BatchNormChannel {
  float mean, rstd, scale, bias;
  __device__ BatchNormChannel(const float* all_mean, const float* all_var, const float* weight, const float* all_bias,
                              float eps, int c)
      : mean(all_mean[c]),
        rstd(1 / sqrtf(all_var[c] + eps)),
        scale(weight[c] / sqrtf(all_var[c] + eps)),
        bias(all_bias[c]) {}
  __device__ float value(float x) const { return batch_norm_value(x, mean, scale, bias); }
  __device__ float y(float x, bool relu) const { return relu && value(x) < 0 ? 0.0f : value(x); }
  __device__ float dz(float x, float dy, bool relu) const { return relu && value(x) <= 0 ? 0.0f : dy; }
  __device__ float xhat(float x) const { return (x - mean) * rstd; }
  /// dweight and dbias are the channel's sums over all of its `rows`; only train reads them.
  __device__ float dx(float x, float dy, bool relu, bool train, const float& dweight, const float& dbias,
                      float rows) const {
    const float own = dz(x, dy, relu);
    return train ? scale * (own - dbias / rows - xhat(x) * (dweight / rows)) : scale * own;
  }
};

// How v2 cuts a map: a block of 32 x 8 threads sums 256 rows of 32 channels.
constexpr int chunk_rows = 256, chunk_channels = 32, chunk_lanes = 8, chunk_threads = chunk_channels * chunk_lanes;

inline Grid chunk_grid(const BatchNormDims& d, Stream stream) {
  return {.blocks = {blocks_for(d.rows, chunk_rows), blocks_for(d.C, chunk_channels)},
          .threads = {chunk_channels, chunk_lanes},
          .stream = stream};
}

/// All threads of a column get the sum of theirs.
template <class T>
__device__ T chunk_sum(T (&shared)[chunk_lanes][chunk_channels], T own) {
  __syncthreads();  // before what an earlier sum left is overwritten
  shared[threadIdx.y][threadIdx.x] = own;
  __syncthreads();
  T sum = 0;
  for (int i = 0; i < chunk_lanes; ++i) sum += shared[i][threadIdx.x];
  return sum;
}

/// mean and var over the rows (batch_norm_v1_naive.cu, batch_norm_v2_chunks.cu).
void batch_norm_statistics_v1(const BatchNormDims&, const float* x, float* mean, float* var, Stream);
void batch_norm_statistics_v2(const BatchNormDims&, const float* x, float* mean, float* var, float* scratch, Stream);
void batch_norm_statistics_v2(const BatchNormDims&, const bf16* x, float* mean, float* var, float* scratch, Stream);
size_t batch_norm_scratch_v2(const BatchNormDims&);
/// Sets of `size` rows (the last may have fewer), of each its mean and the sum of squared distances from it, in
/// parts [2][sets][C], become the mean and the variance of all rows, in a tree whose shape depends on d and size alone
/// (batch_norm_v2_chunks.cu). parts has batch_norm_sets_scratch() floats, for what lies between.
void batch_norm_merge_sets(const BatchNormDims&, int64_t size, float* parts, float* mean, float* var, Stream);
size_t batch_norm_sets_scratch(const BatchNormDims&, int64_t size);
constexpr int merged_sets = 256;
/// Of each set the sums of dz, then of dz * xhat, in parts [2][sets][C], are added up to dbias and dweight in a tree of
/// the same shape, with the same scratch.
void batch_norm_add_sets(const BatchNormDims&, int64_t size, float* parts, float* dweight, float* dbias, Stream);
/// The last part of batch_norm_bwd_v2_chunks: dx, which may be dy, from the sums that stand in dweight and dbias.
void batch_norm_dx_from_sums(const BatchNormDims&, const float* x, const float* dy, const float* mean, const float* var,
                             const float* weight, const float* bias, float eps, bool relu, bool train,
                             const float* dweight, const float* dbias, float* dx, Stream);
void batch_norm_dx_from_sums(const BatchNormDims&, const bf16* x, const bf16* dy, const float* mean, const float* var,
                             const float* weight, const float* bias, float eps, bool relu, bool train,
                             const float* dweight, const float* dbias, bf16* dx, Stream);

}  // namespace limbic::LIMBIC_DEVICE
