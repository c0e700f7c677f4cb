// SPDX-License-Identifier: Apache-2.0
// Idea: one thread a bin of a frame, which is the definition: a sum over all samples of the frame.
// Changed from v0: no FFT; frames and bins are the grid.
// Why faster: only by being parallel: n_fft sines, cosines and 2 multiply-adds a bin.
// Limited by: arithmetic that grows with the square of n_fft.
// Next: v2 is an FFT in shared memory.
#include "kernels/gpu.h"
#include "kernels/stft/stft.h"

namespace limbic::LIMBIC_DEVICE {

__global__ void stft_fwd_v1(StftDims d, int64_t n, const float* x, float* power) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int k = static_cast<int>(i % d.bins());
  double re = 0, im = 0;
  for (int j = 0; j < d.n_fft; ++j) {
    const int64_t from = d.source(i / d.bins(), j);
    if (from < 0) continue;
    float sine, cosine, unused, window;
    sincospif(2 * static_cast<float>(int64_t{k} * j % d.n_fft) / static_cast<float>(d.n_fft), &sine, &cosine);
    sincospif(2 * static_cast<float>(j) / static_cast<float>(d.n_fft), &unused, &window);
    const float v = x[from] * (0.5f - 0.5f * window);
    re += v * cosine, im -= v * sine;
  }
  power[i] = static_cast<float>(re * re + im * im);
}

void stft_fwd_v1_naive(const StftDims& d, const float* x, float* power, float*, Stream stream) {
  const int64_t n = d.frames() * d.bins();
  LAUNCH(stft_fwd_v1, (Grid{.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}), d, n, x, power);
}

}  // namespace limbic::LIMBIC_DEVICE
