// SPDX-License-Identifier: Apache-2.0
#include "nets/panns_front_end.h"

#include <vector>

#include "kernels/portable_math.h"

namespace limbic {
const FrontEnd& panns_front_end(PannsRate rate) {
  constexpr const char* names[] = {"panns-32k", "panns-16k", "panns-8k"};
  return *find_front_end(names[static_cast<int>(rate)]);
}

PannsFrontEndTensors::PannsFrontEndTensors(PannsRate rate, int mels) {
  const FrontEnd& f = panns_front_end(rate);
  const int bins = f.n_fft / 2 + 1;

  std::vector<SinCos> turn(f.n_fft);
  for (int i = 0; i < f.n_fft; ++i) turn[i] = portable_sincos(static_cast<double>(i) / f.n_fft);
  conv_real = Tensor::empty({bins, 1, f.n_fft});
  conv_imag = Tensor::empty({bins, 1, f.n_fft});
  float *real = conv_real.data(), *imag = conv_imag.data();
  for (int64_t k = 0; k < bins; ++k) {
    for (int64_t n = 0; n < f.n_fft; ++n) {
      const double hann = 0.5 - 0.5 * turn[n].cos;  // periodic
      const auto [sine, cosine] = turn[k * n % f.n_fft];
      real[k * f.n_fft + n] = static_cast<float>(hann * cosine);
      imag[k * f.n_fft + n] = static_cast<float>(-hann * sine);
    }
  }

  mel_w = Tensor::from({bins, mels}, mel_matrix(f.sample_rate, f.n_fft, mels, f.fmin, f.fmax));
}

}  // namespace limbic
