// SPDX-License-Identifier: Apache-2.0
// Idea: one thread a channel for the sums, then one thread an element.
// Changed from v0: the loops over channels, and over elements, are grids.
// Why faster: neighbouring threads have neighbouring channels, so that each request is used in full.
// Limited by: as many threads as channels, each with all rows to sum, twice for the variance: a GPU has room for 1000
// times as many.
// Next: v2 sums chunks of rows in blocks of their own.
#include "kernels/batch_norm/batch_norm_device.h"
#include "kernels/gpu_sum.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void batch_norm_stats_v1(BatchNormDims d, const float* x, float* mean, float* var) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= d.C) return;
  LongSum sum, squares;
  for (int64_t r = 0; r < d.rows; ++r) sum.add(x[r * d.C + c]);
  const double m = sum.value() / static_cast<double>(d.rows);
  const float near = static_cast<float>(m);
  for (int64_t r = 0; r < d.rows; ++r) squares.add((x[r * d.C + c] - near) * (x[r * d.C + c] - near));
  mean[c] = near;
  var[c] = static_cast<float>(squares.value() / static_cast<double>(d.rows));
}

__global__ void batch_norm_apply_v1(BatchNormDims d, const float* x, const float* mean, const float* var,
                                    const float* weight, const float* bias, float eps, bool relu, float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.rows * d.C) return;
  y[i] = BatchNormChannel(mean, var, weight, bias, eps, static_cast<int>(i % d.C)).y(x[i], relu);
}

__global__ void batch_norm_sums_v1(BatchNormDims d, const float* x, const float* dy, const float* mean,
                                   const float* var, const float* weight, const float* bias, float eps, bool relu,
                                   float* dweight, float* dbias) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= d.C) return;
  const BatchNormChannel channel(mean, var, weight, bias, eps, c);
  LongSum sum, sum_xhat;
  for (int64_t r = 0; r < d.rows; ++r) {
    const float v = x[r * d.C + c], dz = channel.dz(v, dy[r * d.C + c], relu);
    sum.add(dz);
    sum_xhat.add(dz * channel.xhat(v));
  }
  dbias[c] = static_cast<float>(sum.value());
  dweight[c] = static_cast<float>(sum_xhat.value());
}

__global__ void batch_norm_dx_v1(BatchNormDims d, const float* x, const float* dy, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, bool relu, bool train,
                                 const float* dweight, const float* dbias, float* dx) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= d.rows * d.C) return;
  const int c = static_cast<int>(i % d.C);
  const BatchNormChannel channel(mean, var, weight, bias, eps, c);
  dx[i] = channel.dx(x[i], dy[i], relu, train, dweight[c], dbias[c], static_cast<float>(d.rows));
}

void batch_norm_statistics_v1(const BatchNormDims& d, const float* x, float* mean, float* var, Stream stream) {
  LAUNCH(batch_norm_stats_v1, (Grid{.blocks = blocks_for(d.C, 64), .threads = 64, .stream = stream}), d, x, mean, var);
}

void batch_norm_apply_v1_naive(const BatchNormDims& d, const float* x, const float* mean, const float* var,
                               const float* weight, const float* bias, float eps, bool relu, float* y, float*,
                               Stream stream) {
  LAUNCH(batch_norm_apply_v1, (Grid{.blocks = blocks_for(d.rows * d.C, 256), .threads = 256, .stream = stream}), d, x,
         mean, var, weight, bias, eps, relu, y);
}

void batch_norm_fwd_v1_naive(const BatchNormDims& d, const float* x, const float* weight, const float* bias, float eps,
                             bool relu, float* mean, float* var, float* y, float* scratch, Stream stream) {
  batch_norm_statistics_v1(d, x, mean, var, stream);
  batch_norm_apply_v1_naive(d, x, mean, var, weight, bias, eps, relu, y, scratch, stream);
}

void batch_norm_bwd_v1_naive(const BatchNormDims& d, const float* x, const float* dy, const float* mean,
                             const float* var, const float* weight, const float* bias, float eps, bool relu, bool train,
                             float* dx, float* dweight, float* dbias, float*, Stream stream) {
  LAUNCH(batch_norm_sums_v1, (Grid{.blocks = blocks_for(d.C, 64), .threads = 64, .stream = stream}), d, x, dy, mean,
         var, weight, bias, eps, relu, dweight, dbias);
  LAUNCH(batch_norm_dx_v1, (Grid{.blocks = blocks_for(d.rows * d.C, 256), .threads = 256, .stream = stream}), d, x, dy,
         mean, var, weight, bias, eps, relu, train, dweight, dbias, dx);
}

}  // namespace limbic::LIMBIC_DEVICE
