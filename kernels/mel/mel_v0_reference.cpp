// SPDX-License-Identifier: Apache-2.0
// The truth, in f64 from the samples to the decibels.
#include <algorithm>
#include <cmath>

#include "kernels/mel/mel.h"
#include "kernels/stft/stft_v0_reference.h"

namespace limbic {

size_t mel_v0_reference_scratch(const LogMelDims& d) {  // one frame, complex f64, and its power in f64
  return static_cast<size_t>(4) * d.stft.n_fft + 2 * d.stft.bins();
}

void mel_fwd_v0_reference(const LogMelDims& d, const float* x, const MelBank& bank, float* y, float* scratch, Stream) {
  auto* frame = reinterpret_cast<std::complex<double>*>(scratch);
  auto* power = reinterpret_cast<double*>(scratch + 4 * d.stft.n_fft);
  for (int64_t t = 0; t < d.stft.frames(); ++t) {
    stft_frame_v0_reference(d.stft, x, t, frame, power);
    for (int m = 0; m < d.mels; ++m) {
      double sum = 0;
      for (int i = 0; i < bank.count[m]; ++i) sum += bank.weight[bank.offset[m] + i] * power[bank.first[m] + i];
      y[t * d.mels + m] = static_cast<float>(10 * std::log10(std::max(sum, static_cast<double>(d.amin))));
    }
  }
}

}  // namespace limbic
