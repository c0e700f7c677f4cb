// SPDX-License-Identifier: Apache-2.0
// Idea: the FFT leaves power in device memory; a second kernel has one thread a filter of a frame.
// Changed from v0: frames are blocks, and then frames and filters are threads; f32 throughout.
// Why faster: a filter reads its own bins only, of which neighbours in a warp share some.
// Limited by: the power is written and read back, 4 bytes a bin each way: 513 bins for 64 mels.
// Next: filters at the end of the FFT's block, while the power is still in shared memory.
#include "kernels/gpu.h"
#include "kernels/gpu_runtime.h"
#include "kernels/gpu_sum.h"
#include "kernels/mel/mel.h"

namespace limbic {
LIMBIC_EACH_DEVICE(StftPower stft_fwd_v2_fft;)
}

namespace limbic::LIMBIC_DEVICE {

__global__ void mel_fwd_v1(LogMelDims d, int64_t n, MelBank bank, const float* power, float* y) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int m = static_cast<int>(i % d.mels);
  const float* const bins = power + i / d.mels * d.stft.bins() + bank.first[m];
  const float* const weight = bank.weight + bank.offset[m];
  LongSum sum;
  for (int k = 0; k < bank.count[m]; ++k) sum.add(weight[k] * bins[k]);
  y[i] = 10 * log10f(fmaxf(static_cast<float>(sum.value()), d.amin));
}

bool mel_supports_v1_two_kernels(const LogMelDims& d) { return d.stft.n_fft <= 4096; }  // as stft's v2_fft

size_t mel_scratch_v1_two_kernels(const LogMelDims& d) {
  return static_cast<size_t>(d.stft.frames()) * static_cast<size_t>(d.stft.bins());
}

void mel_fwd_v1_two_kernels(const LogMelDims& d, const float* x, const MelBank& bank, float* y, float* scratch,
                            Stream stream) {
  stft_fwd_v2_fft(d.stft, x, scratch, nullptr, stream);
  const int64_t n = d.stft.frames() * d.mels;
  LAUNCH(mel_fwd_v1, (Grid{.blocks = blocks_for(n, 128), .threads = 128, .stream = stream}), d, n, bank, scratch, y);
}

}  // namespace limbic::LIMBIC_DEVICE
