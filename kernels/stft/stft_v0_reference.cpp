// SPDX-License-Identifier: Apache-2.0
#include "kernels/stft/stft_v0_reference.h"

namespace limbic {

size_t stft_v0_reference_scratch(const StftDims& d) { return static_cast<size_t>(4) * d.n_fft; }  // a complex f64 frame

void stft_fwd_v0_reference(const StftDims& d, const float* x, float* power, float* scratch, Stream) {
  auto* frame = reinterpret_cast<std::complex<double>*>(scratch);
  for (int64_t t = 0; t < d.frames(); ++t) stft_frame_v0_reference(d, x, t, frame, power + t * d.bins());
}

}  // namespace limbic
