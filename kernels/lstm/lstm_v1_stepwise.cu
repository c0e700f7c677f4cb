// SPDX-License-Identifier: Apache-2.0
// Idea: steps follow each other as launches: one multiplies w_hh with the last h, one computes the gates.
// Changed from v0: within a step, sequences, gates and units are a grid. Backward, dw_hh waits for the end and is one
// sum over all steps.
// Why faster: N * 4 D threads at a time.
// Limited by: two launches a step, microseconds for little work; each thread reads a row of w_hh alone.
// Next: v2 does a step in one launch, and warps read w_hh's rows together.
#include "kernels/gpu_sum.h"
#include "kernels/lstm/lstm_device.h"

namespace limbic::LIMBIC_DEVICE {

/// sums[n, row] = gates + w_hh[row] . h
__global__ void lstm_sums_v1(LstmDims d, int s, const float* gates, const float* w_hh, const int32_t* lengths,
                             const float* y, float* sums) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int row = static_cast<int>(i % (4 * d.D));
  const int64_t n = i / (4 * d.D);
  if (n >= d.N) return;
  const DeviceStep step(d, lengths, n, s);
  if (step.at < 0) return;
  float sum = gates[step.at * 4 * d.D + row];
  for (int k = 0; k < d.D && step.before >= 0; ++k) sum += w_hh[int64_t{row} * d.D + k] * y[step.before * d.D + k];
  sums[i] = sum;
}

__global__ void lstm_gates_v1(LstmDims d, int s, const float* sums, const int32_t* lengths, float* y,
                              float* activations, float* cell) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int j = static_cast<int>(i % d.D);
  const int64_t n = i / d.D;
  if (n >= d.N) return;
  const DeviceStep step(d, lengths, n, s);
  if (step.at < 0) return;
  const float* const z = sums + n * 4 * d.D + j;
  const float all[4] = {z[0], z[d.D], z[2 * d.D], z[3 * d.D]};
  lstm_cell(d, step, j, all, y, activations, cell);
}

/// state [2][N,D]: dh and dc from the step after; undefined at a sequence's last step.
__global__ void lstm_gates_bwd_v1(LstmDims d, int s, const int32_t* lengths, const float* activations,
                                  const float* cell, const float* dy, float* state, float* dgates) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t n = i / d.D;
  if (n >= d.N) return;
  const DeviceStep step(d, lengths, n, s);
  if (step.at < 0) return;
  const bool last = s + 1 == (lengths ? lengths[n] : d.T);
  const int j = static_cast<int>(i % d.D);
  float* const kept = state + int64_t{d.N} * d.D + i;
  float dc = last ? 0.0f : *kept;
  const float dh = dy[step.at * d.D + j] + (last ? 0.0f : state[i]);
  lstm_cell_backward(d, step, j, dh, dc, activations, cell, dgates);
  *kept = dc;
}

/// dh[n,k] = sum over rows of dgates[row] * w_hh[row,k]
__global__ void lstm_dh_v1(LstmDims d, int s, const float* w_hh, const int32_t* lengths, const float* dgates,
                           float* dh) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t n = i / d.D;
  if (n >= d.N) return;
  const DeviceStep step(d, lengths, n, s);
  if (step.before < 0) return;
  float sum = 0;
  for (int row = 0; row < 4 * d.D; ++row) sum += dgates[step.at * 4 * d.D + row] * w_hh[int64_t{row} * d.D + i % d.D];
  dh[i] = sum;
}

__global__ void lstm_dw(LstmDims d, const int32_t* lengths, const float* y, const float* dgates, float* dw_hh) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int64_t row = i / d.D;
  if (row >= 4 * d.D) return;
  LongSum sum;
  for (int64_t n = 0; n < d.N; ++n)
    for (int s = 1; s < d.T; ++s) {
      const DeviceStep step(d, lengths, n, s);
      if (step.at < 0) break;
      sum.add(dgates[step.at * 4 * d.D + row] * y[step.before * d.D + i % d.D]);
    }
  dw_hh[i] = static_cast<float>(sum.value());
}

__global__ void lstm_clear(LstmDims d, int width, const int32_t* lengths, float* rows) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, step = i / width;
  if (step < int64_t{d.N} * d.T && step % d.T >= lengths[step / d.T]) rows[i] = 0;
}

namespace {

Grid over(int64_t n, Stream stream) { return {.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}; }

}  // namespace

void lstm_clear_padding(const LstmDims& d, int width, const int32_t* lengths, float* rows, Stream stream) {
  if (lengths) LAUNCH(lstm_clear, over(int64_t{d.N} * d.T * width, stream), d, width, lengths, rows);
}

void lstm_weight_gradient(const LstmDims& d, const int32_t* lengths, const float* y, const float* dgates, float* dw_hh,
                          Stream stream) {
  LAUNCH(lstm_dw, over(int64_t{4} * d.D * d.D, stream), d, lengths, y, dgates, dw_hh);
}

size_t lstm_fwd_scratch_v1(const LstmDims& d) { return size_t{4} * d.N * d.D; }
size_t lstm_bwd_scratch_gpu(const LstmDims& d) { return size_t{2} * d.N * d.D; }

void lstm_fwd_v1_stepwise(const LstmDims& d, const float* gates, const float* w_hh, const int32_t* lengths, float* y,
                          float* activations, float* cell, float* scratch, Stream stream) {
  for (int s = 0; s < d.T; ++s) {
    LAUNCH(lstm_sums_v1, over(int64_t{4} * d.N * d.D, stream), d, s, gates, w_hh, lengths, y, scratch);
    LAUNCH(lstm_gates_v1, over(int64_t{d.N} * d.D, stream), d, s, scratch, lengths, y, activations, cell);
  }
  lstm_clear_padding(d, d.D, lengths, y, stream);
  lstm_clear_padding(d, d.D, lengths, cell, stream);
  lstm_clear_padding(d, 4 * d.D, lengths, activations, stream);
}

void lstm_bwd_v1_stepwise(const LstmDims& d, const float* w_hh, const int32_t* lengths, const float* activations,
                          const float* cell, const float* y, const float* dy, float* dgates, float* dw_hh,
                          float* scratch, Stream stream) {
  for (int s = d.T - 1; s >= 0; --s) {
    LAUNCH(lstm_gates_bwd_v1, over(int64_t{d.N} * d.D, stream), d, s, lengths, activations, cell, dy, scratch, dgates);
    LAUNCH(lstm_dh_v1, over(int64_t{d.N} * d.D, stream), d, s, w_hh, lengths, dgates, scratch);
  }
  lstm_clear_padding(d, 4 * d.D, lengths, dgates, stream);
  lstm_weight_gradient(d, lengths, y, dgates, dw_hh, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
