// SPDX-License-Identifier: Apache-2.0
// Idea: a block stays with its sequence for all steps, with w_hh in shared memory.
// Changed from v2: one launch instead of T. Four lanes are a unit's gates: each adds up and computes its own, shuffles
// bring the four together, and the cell, backward its gradient, stays in their registers. What the next step needs of
// this one, h or dgates, alternates between two places, so that one barrier a step is enough.
// Why faster: no launch a step, and w_hh is read from L2 once a sequence; a step's 4 D D words come from shared memory,
// four to a request: counted, 450 cycles at 50 units, where a launch costs thousands.
// Limited by: those words, for one sequence's sake; an H200's multiprocessor holds one block from 85 units on, none from
// 120 on.
// Next: a cluster of blocks that each hold a part of w_hh and exchange h through distributed shared memory.
#include "kernels/gpu_runtime.h"
#include "kernels/gpu_sum.h"
#include "kernels/lstm/lstm_device.h"

namespace limbic::LIMBIC_DEVICE {

/// Words of h, or of one gate's dgates: D in whole 16-byte pieces; an odd number of those for dgates, whose four gates
/// then begin in different banks.
__host__ __device__ constexpr int lstm_depth(int D) { return (D + 3) / 4 * 4; }
__host__ __device__ constexpr int lstm_dz_depth(int D) { return lstm_depth(D) | 4; }

/// to [depth/4][4D][4]: where thread t finds weight(gate t % 4, unit t / 4, k) for four k at a time, 0 behind the last.
template <class Weight>
__device__ void lstm_hold_weights(int D, float* to, const Weight& weight) {
  for (int i = threadIdx.x; i < 4 * D * lstm_depth(D); i += blockDim.x) {
    const int k = i / (16 * D) * 4 + i % 4, t = i / 4 % (4 * D);
    to[i] = k < D ? weight(t % 4, t / 4, k) : 0.0f;
  }
}

/// Thread t's weights times x [depth], in four sums that do not wait for each other.
__device__ inline float lstm_product(int D, const float* weights, const float* x) {
  const float4* const w = reinterpret_cast<const float4*>(weights) + threadIdx.x;
  float4 sum = make_float4(0, 0, 0, 0);
  for (int i = 0; i < lstm_depth(D) / 4; ++i) {
    const float4 a = w[4 * D * i], b = reinterpret_cast<const float4*>(x)[i];
    sum.x += a.x * b.x, sum.y += a.y * b.y, sum.z += a.z * b.z, sum.w += a.w * b.w;
  }
  return (sum.x + sum.y) + (sum.z + sum.w);
}

/// Zeros from row `length` of sequence n to its last.
__device__ inline void lstm_clear_end(const LstmDims& d, int64_t n, int length, int width, float* rows) {
  for (int64_t i = (n * d.T + length) * width + threadIdx.x; i < (n + 1) * d.T * width; i += blockDim.x) rows[i] = 0;
}

__global__ void __launch_bounds__(512) lstm_fwd_v3(LstmDims d, const float* gates, const float* w_hh,
                                                   const int32_t* lengths, float* y, float* activations, float* cell) {
  float* const weights = dynamic_shared_array<float>();           // [depth/4][4D][4]
  float* const h = weights + int64_t{4} * d.D * lstm_depth(d.D);  // [2][depth]: the last step's, this step's
  const int64_t n = blockIdx.x;
  const int unit = threadIdx.x / 4, gate = threadIdx.x % 4, length = lengths ? lengths[n] : d.T;
  const bool inside = unit < d.D;  // all threads stay for the barriers and shuffles
  lstm_hold_weights(d.D, weights, [&](int g, int j, int k) { return w_hh[(int64_t{g} * d.D + j) * d.D + k]; });
  for (int k = threadIdx.x; k < 2 * lstm_depth(d.D); k += blockDim.x) h[k] = 0;
  __syncthreads();
  float c = 0;
  for (int s = 0; s < length; ++s) {
    const DeviceStep step(d, lengths, n, s);
    float z = inside ? gates[(step.at * 4 + gate) * d.D + unit] : 0.0f;  // arrives while h is multiplied
    if (inside && s > 0) z += lstm_product(d.D, weights, h + s % 2 * lstm_depth(d.D));
    const float own = gate == 2 ? tanhf(z) : gate_sigmoid(z);
    const float i = __shfl_sync(whole_warp, own, 0, 4), f = __shfl_sync(whole_warp, own, 1, 4);
    const float g = __shfl_sync(whole_warp, own, 2, 4), o = __shfl_sync(whole_warp, own, 3, 4);
    c = s > 0 ? i * g + f * c : i * g;
    const float out = o * tanhf(c);
    if (inside) {
      activations[(step.at * 4 + gate) * d.D + unit] = own;  // may be `gates`
      if (gate == 0) cell[step.at * d.D + unit] = c;
      if (gate == 1) y[step.at * d.D + unit] = out;
      if (gate == 2) h[(s + 1) % 2 * lstm_depth(d.D) + unit] = out;
    }
    __syncthreads();
  }
  lstm_clear_end(d, n, length, d.D, y);
  lstm_clear_end(d, n, length, d.D, cell);
  lstm_clear_end(d, n, length, 4 * d.D, activations);
}

__global__ void __launch_bounds__(512)
    lstm_bwd_v3(LstmDims d, const float* w_hh, const int32_t* lengths, const float* activations, const float* cell,
                const float* dy, float* dgates) {
  const int dz_depth = lstm_dz_depth(d.D);
  float* const weights = dynamic_shared_array<float>();            // [depth/4][4D][4]: of a gate's column
  float* const dz = weights + int64_t{4} * d.D * lstm_depth(d.D);  // [2][4][dz_depth]: the step after's, this step's
  const int64_t n = blockIdx.x;
  const int unit = threadIdx.x / 4, gate = threadIdx.x % 4, length = lengths ? lengths[n] : d.T;
  const bool inside = unit < d.D;
  lstm_hold_weights(d.D, weights, [&](int g, int k, int j) { return w_hh[(int64_t{g} * d.D + j) * d.D + k]; });
  for (int k = threadIdx.x; k < 8 * dz_depth; k += blockDim.x) dz[k] = 0;
  __syncthreads();
  float dc = 0;  // from the step after
  for (int s = length - 1; s >= 0; --s) {
    const DeviceStep step(d, lengths, n, s);
    const float own = inside ? activations[(step.at * 4 + gate) * d.D + unit] : 0.0f;
    const float c = inside ? cell[step.at * d.D + unit] : 0.0f;
    const float c_before = inside && step.before >= 0 ? cell[step.before * d.D + unit] : 0.0f;
    float dh = inside ? dy[step.at * d.D + unit] : 0.0f;
    if (s + 1 < length) {
      float sum = inside ? lstm_product(d.D, weights, dz + ((s + 1) % 2 * 4 + gate) * dz_depth) : 0.0f;
      sum += __shfl_xor_sync(whole_warp, sum, 1, 4);
      sum += __shfl_xor_sync(whole_warp, sum, 2, 4);
      dh += sum;
    }
    const float i = __shfl_sync(whole_warp, own, 0, 4), f = __shfl_sync(whole_warp, own, 1, 4);
    const float g = __shfl_sync(whole_warp, own, 2, 4), o = __shfl_sync(whole_warp, own, 3, 4), tanh_c = tanhf(c);
    dc += dh * o * (1 - tanh_c * tanh_c);
    const float dz_own = gate == 0   ? dc * g * i * (1 - i)
                         : gate == 1 ? dc * c_before * f * (1 - f)
                         : gate == 2 ? dc * i * (1 - g * g)
                                     : dh * tanh_c * o * (1 - o);
    dc *= f;
    if (inside) {
      dgates[(step.at * 4 + gate) * d.D + unit] = dz_own;
      dz[(s % 2 * 4 + gate) * dz_depth + unit] = dz_own;
    }
    __syncthreads();
  }
  lstm_clear_end(d, n, length, 4 * d.D, dgates);
}

namespace {

size_t bytes_of_weights(const LstmDims& d) { return size_t{4} * d.D * lstm_depth(d.D) * sizeof(float); }
size_t fwd_bytes(const LstmDims& d) { return bytes_of_weights(d) + size_t{2} * lstm_depth(d.D) * sizeof(float); }
size_t bwd_bytes(const LstmDims& d) { return bytes_of_weights(d) + size_t{8} * lstm_dz_depth(d.D) * sizeof(float); }

/// A block a sequence, four threads a unit, in whole warps.
Grid over_sequences(const LstmDims& d, size_t shared_bytes, Stream stream) {
  return {.blocks = static_cast<unsigned>(d.N),
          .threads = blocks_for(4 * d.D, 32) * 32,
          .shared_bytes = shared_bytes,
          .stream = stream};
}

}  // namespace

bool lstm_supports_v3(const LstmDims& d) {
  return d.D > 0 && d.D <= 128 && bwd_bytes(d) <= static_cast<size_t>(runtime.shared_bytes_per_block());
}

void lstm_fwd_v3_persistent(const LstmDims& d, const float* gates, const float* w_hh, const int32_t* lengths, float* y,
                            float* activations, float* cell, float*, Stream stream) {
  LAUNCH(lstm_fwd_v3, over_sequences(d, fwd_bytes(d), stream), d, gates, w_hh, lengths, y, activations, cell);
}

void lstm_bwd_v3_persistent(const LstmDims& d, const float* w_hh, const int32_t* lengths, const float* activations,
                            const float* cell, const float* y, const float* dy, float* dgates, float* dw_hh, float*,
                            Stream stream) {
  LAUNCH(lstm_bwd_v3, over_sequences(d, bwd_bytes(d), stream), d, w_hh, lengths, activations, cell, dy, dgates);
  lstm_weight_gradient(d, lengths, y, dgates, dw_hh, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
