// SPDX-License-Identifier: Apache-2.0
// Batch normalisation (Ioffe and Szegedy 2015) over the last axis, with ReLU fused on request:
//   y = (x - mean) * scale + bias,  scale = weight / sqrt(var + eps),  relu: y = max(y, 0)
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

struct BatchNormDims {
  int64_t rows;  ///< N*H*W, or N*T: everything but the channels
  int C;
};

/// Training: mean and var (biased) over the rows, then y. mean [C] and var [C] are written. y may be x.
template <class T>  // float or bf16: how x, y, dx and dy are stored
using BatchNormForwardOf = void(const BatchNormDims&, const T* x /*[rows,C]*/, const float* weight /*[C]*/,
                                const float* bias /*[C]*/, float eps, bool relu, float* mean /*[C]*/,
                                float* var /*[C]*/, T* y /*[rows,C]*/, float* scratch, Stream);
using BatchNormForward = BatchNormForwardOf<float>;

/// Evaluation: mean and var are given. y may be x.
template <class T>
using BatchNormApplyOf = void(const BatchNormDims&, const T* x, const float* mean, const float* var,
                              const float* weight, const float* bias, float eps, bool relu, T* y, float* scratch,
                              Stream);
using BatchNormApply = BatchNormApplyOf<float>;

/// Overwrites dx, dweight, dbias. With relu the mask y > 0 is computed again from x, by the forward's arithmetic.
/// train: mean and var are functions of x; else constants. dx may be dy.
template <class T>
using BatchNormBackwardOf = void(const BatchNormDims&, const T* x, const T* dy, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, bool relu, bool train, T* dx,
                                 float* dweight, float* dbias, float* scratch, Stream);
using BatchNormBackward = BatchNormBackwardOf<float>;

/// The SIMD rungs sum this many rows in f32 before the sums are merged in double. It depends on C alone, so that a
/// channel's sum has the same order at any number of rows.
[[gnu::always_inline]] inline int64_t batch_norm_chunk(const BatchNormDims& d) {
  const int64_t rows = d.C > 0 ? 32768 / d.C : 1;  // 128 KiB: the second look at a chunk finds it in the cache
  return rows < 16 ? 16 : rows > 1024 ? 1024 : rows;
}

/// Two sums a chunk and channel, and three constants a channel.
[[gnu::always_inline]] inline size_t batch_norm_scratch(const BatchNormDims& d) {
  const int64_t chunks = (d.rows + batch_norm_chunk(d) - 1) / batch_norm_chunk(d);
  return static_cast<size_t>((2 * chunks + 3) * d.C);
}

std::span<const Rung<BatchNormDims, BatchNormForward>> batch_norm_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormDims, BatchNormForwardOf<bf16>>> batch_norm_fwd_rungs(StoredAs<bf16>);
std::span<const Rung<BatchNormDims, BatchNormApply>> batch_norm_apply_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormDims, BatchNormApplyOf<bf16>>> batch_norm_apply_rungs(StoredAs<bf16>);
std::span<const Rung<BatchNormDims, BatchNormBackward>> batch_norm_bwd_rungs(StoredAs<float> = {});
std::span<const Rung<BatchNormDims, BatchNormBackwardOf<bf16>>> batch_norm_bwd_rungs(StoredAs<bf16>);

}  // namespace limbic
