// SPDX-License-Identifier: Apache-2.0
// Idea: a warp computes the four gates of a unit, and at once its cell: a step is one launch.
// Changed from v1: 32 lanes read a row of w_hh together and add up by shuffles; sums never reach memory. Backward, a
// block holds a sequence's dgates of the step in shared memory, and its threads multiply them with w_hh's columns.
// Why faster: half the launches; requests of 128 useful bytes; w_hh comes from L2 (250 KB at 128 units).
// Limited by: a launch a step, and all of w_hh read again in each.
// Next: v3 stays for all steps, with w_hh in shared memory.
#include "kernels/gpu_sum.h"
#include "kernels/lstm/lstm_device.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int lstm_units = 4;  // warps, and units, a block

__global__ void __launch_bounds__(lstm_units * 32)
    lstm_fwd_v2(LstmDims d, int s, const float* gates, const float* w_hh, const int32_t* lengths, float* y,
                float* activations, float* cell) {
  const int64_t unit = int64_t{blockIdx.x} * lstm_units + threadIdx.x / 32, n = unit / d.D;
  const int j = static_cast<int>(unit % d.D), lane = threadIdx.x % 32;
  if (n >= d.N) return;  // whole warps
  const DeviceStep step(d, lengths, n, s);
  if (step.at < 0) return;
  float z[4] = {};
  for (int k = lane; k < d.D && step.before >= 0; k += 32) {
    const float h = y[step.before * d.D + k];
#pragma unroll
    for (int gate = 0; gate < 4; ++gate) z[gate] += w_hh[(int64_t{gate} * d.D + j) * d.D + k] * h;
  }
#pragma unroll
  for (int gate = 0; gate < 4; ++gate) z[gate] = warp_sum(z[gate]);
  if (lane != 0) return;
#pragma unroll
  for (int gate = 0; gate < 4; ++gate) z[gate] += gates[(step.at * 4 + gate) * d.D + j];
  lstm_cell(d, step, j, z, y, activations, cell);  // `activations` may be `gates`
}

__global__ void __launch_bounds__(128)
    lstm_bwd_v2(LstmDims d, int s, const float* w_hh, const int32_t* lengths, const float* activations,
                const float* cell, const float* dy, float* state, float* dgates) {
  float* const dz = dynamic_shared_array<float>();  // [4D]
  const int64_t n = blockIdx.x;
  const DeviceStep step(d, lengths, n, s);
  if (step.at < 0) return;  // the whole block
  const bool last = s + 1 == (lengths ? lengths[n] : d.T);
  for (int j = threadIdx.x; j < d.D; j += blockDim.x) {
    float* const kept = state + (int64_t{d.N} + n) * d.D + j;
    float dc = last ? 0.0f : *kept;
    const float dh = dy[step.at * d.D + j] + (last ? 0.0f : state[n * d.D + j]);
    lstm_cell_backward(d, step, j, dh, dc, activations, cell, dgates);
    *kept = dc;
    for (int gate = 0; gate < 4; ++gate) dz[gate * d.D + j] = dgates[(step.at * 4 + gate) * d.D + j];
  }
  __syncthreads();
  for (int k = threadIdx.x; k < d.D; k += blockDim.x) {
    float sum = 0;
    for (int row = 0; row < 4 * d.D; ++row) sum += dz[row] * w_hh[int64_t{row} * d.D + k];
    state[n * d.D + k] = sum;
  }
}

void lstm_fwd_v2_fused_gates(const LstmDims& d, const float* gates, const float* w_hh, const int32_t* lengths, float* y,
                             float* activations, float* cell, float*, Stream stream) {
  const Grid grid{.blocks = blocks_for(int64_t{d.N} * d.D, lstm_units), .threads = lstm_units * 32, .stream = stream};
  for (int s = 0; s < d.T; ++s) LAUNCH(lstm_fwd_v2, grid, d, s, gates, w_hh, lengths, y, activations, cell);
  lstm_clear_padding(d, d.D, lengths, y, stream);
  lstm_clear_padding(d, d.D, lengths, cell, stream);
  lstm_clear_padding(d, 4 * d.D, lengths, activations, stream);
}

void lstm_bwd_v2_fused_gates(const LstmDims& d, const float* w_hh, const int32_t* lengths, const float* activations,
                             const float* cell, const float* y, const float* dy, float* dgates, float* dw_hh,
                             float* scratch, Stream stream) {
  const Grid grid{.blocks = static_cast<unsigned>(d.N),
                  .threads = 128,
                  .shared_bytes = size_t{4} * d.D * sizeof(float),
                  .stream = stream};
  for (int s = d.T - 1; s >= 0; --s)
    LAUNCH(lstm_bwd_v2, grid, d, s, w_hh, lengths, activations, cell, dy, scratch, dgates);
  lstm_clear_padding(d, 4 * d.D, lengths, dgates, stream);
  lstm_weight_gradient(d, lengths, y, dgates, dw_hh, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
