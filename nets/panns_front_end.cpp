// SPDX-License-Identifier: Apache-2.0
#include "nets/panns_front_end.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace limbic {
namespace {

constexpr PannsFrontEnd front_ends[] = {
    {"panns-32k", 32000, 1024, 320, 50, 14000},
    {"panns-16k", 16000, 512, 160, 50, 8000},
    {"panns-8k", 8000, 256, 80, 50, 4000},
};

// Slaney's mel scale (librosa, htk=False): linear to 1 kHz, logarithmic above.
double hz_to_mel(double f) { return f < 1000 ? 3 * f / 200 : 15 + 27 * std::log(f / 1000) / std::log(6.4); }
double mel_to_hz(double m) { return m < 15 ? 200 * m / 3 : 1000 * std::exp((m - 15) * std::log(6.4) / 27); }

}  // namespace

const PannsFrontEnd& panns_front_end(PannsRate rate) { return front_ends[static_cast<int>(rate)]; }

PannsFrontEndTensors::PannsFrontEndTensors(PannsRate rate, int mels) {
  const PannsFrontEnd& f = panns_front_end(rate);
  const int bins = f.n_fft / 2 + 1;

  std::vector<double> cosine(f.n_fft), sine(f.n_fft);
  for (int i = 0; i < f.n_fft; ++i) {
    cosine[i] = std::cos(2 * std::numbers::pi * i / f.n_fft);
    sine[i] = std::sin(2 * std::numbers::pi * i / f.n_fft);
  }
  conv_real = Tensor::empty({bins, 1, f.n_fft});
  conv_imag = Tensor::empty({bins, 1, f.n_fft});
  float *real = conv_real.data(), *imag = conv_imag.data();
  for (int64_t k = 0; k < bins; ++k) {
    for (int64_t n = 0; n < f.n_fft; ++n) {
      const double hann = 0.5 - 0.5 * cosine[n];  // periodic
      const int64_t turn = k * n % f.n_fft;
      real[k * f.n_fft + n] = static_cast<float>(hann * cosine[turn]);
      imag[k * f.n_fft + n] = static_cast<float>(-hann * sine[turn]);
    }
  }

  std::vector<double> edge(mels + 2);  // Hz
  const double low = hz_to_mel(f.fmin), high = hz_to_mel(f.fmax);
  for (int i = 0; i < mels + 2; ++i) edge[i] = mel_to_hz(low + (high - low) * i / (mels + 1));
  mel_w = Tensor::zeros({bins, mels});
  float* w = mel_w.data();
  for (int k = 0; k < bins; ++k) {
    const double hz = static_cast<double>(k) * f.sample_rate / f.n_fft;
    for (int m = 0; m < mels; ++m) {
      const double rise = (hz - edge[m]) / (edge[m + 1] - edge[m]);
      const double fall = (edge[m + 2] - hz) / (edge[m + 2] - edge[m + 1]);
      const double area = 2 / (edge[m + 2] - edge[m]);
      w[k * mels + m] = static_cast<float>(std::max(0.0, std::min(rise, fall)) * area);
    }
  }
}

}  // namespace limbic
