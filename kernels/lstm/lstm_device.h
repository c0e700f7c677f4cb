// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/gpu.h"
#include "kernels/lstm/lstm.h"

namespace limbic::LIMBIC_DEVICE {

/// Step `s` of sequence n: the rows of [N,T,...] that it writes and that the step before it wrote (-1: there is none).
struct DeviceStep {
  int64_t at = -1, before = -1;  ///< at -1: the sequence is shorter
  __device__ DeviceStep(const LstmDims& d, const int32_t* lengths, int64_t n, int s) {
    const int length = lengths ? lengths[n] : d.T;
    if (s >= length) return;
    const int t = d.reverse ? length - 1 - s : s;
    at = n * d.T + t;
    if (s > 0) before = at + (d.reverse ? 1 : -1);
  }
};

__device__ inline float gate_sigmoid(float x) { return 1 / (1 + expf(-x)); }

/// Unit j of one step from the sums z of its gates i f g o.
__device__ inline void lstm_cell(const LstmDims& d, const DeviceStep& step, int j, const float (&z)[4], float* y,
                                 float* activations, float* cell) {
  const float i = gate_sigmoid(z[0]), f = gate_sigmoid(z[1]), g = tanhf(z[2]), o = gate_sigmoid(z[3]);
  const float c = step.before >= 0 ? i * g + f * cell[step.before * d.D + j] : i * g;
  float* const a = activations + step.at * 4 * d.D + j;
  a[0] = i, a[d.D] = f, a[2 * d.D] = g, a[3 * d.D] = o;
  cell[step.at * d.D + j] = c;
  y[step.at * d.D + j] = o * tanhf(c);
}

/// Unit j of one step backwards: dgates from dy + dh, and dc for the step before.
__device__ inline void lstm_cell_backward(const LstmDims& d, const DeviceStep& step, int j, float dh, float& dc,
                                          const float* activations, const float* cell, float* dgates) {
  const float* const a = activations + step.at * 4 * d.D + j;
  const float i = a[0], f = a[d.D], g = a[2 * d.D], o = a[3 * d.D], tanh_c = tanhf(cell[step.at * d.D + j]);
  const float dcell = dc + dh * o * (1 - tanh_c * tanh_c);
  float* const dz = dgates + step.at * 4 * d.D + j;
  dz[0] = dcell * g * i * (1 - i);
  dz[d.D] = step.before >= 0 ? dcell * cell[step.before * d.D + j] * f * (1 - f) : 0.0f;
  dz[2 * d.D] = dcell * i * (1 - g * g);
  dz[3 * d.D] = dh * tanh_c * o * (1 - o);
  dc = dcell * f;
}

// (lstm_v1_stepwise.cu)
/// Zeros behind the sequences' ends, in rows of `width` floats.
void lstm_clear_padding(const LstmDims&, int width, const int32_t* lengths, float* rows, Stream);
/// dw_hh [4D,D]: the sum over all steps of dgates times the h that came before.
void lstm_weight_gradient(const LstmDims&, const int32_t* lengths, const float* y, const float* dgates, float* dw_hh,
                          Stream);

}  // namespace limbic::LIMBIC_DEVICE
