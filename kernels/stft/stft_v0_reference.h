// SPDX-License-Identifier: Apache-2.0
// The truth: the radix-2 FFT of a textbook, one frame after the other, always in f64. test_stft checks it against the
// DFT's double sum.
#pragma once
#include <complex>
#include <cstdint>
#include <utility>

#include "kernels/portable_math.h"
#include "kernels/stft/stft.h"

namespace limbic {

/// In place: z[k] = sum_i z[i] exp(-+ 2 pi i k / n), minus for the forward transform; n a power of two, no scaling.
inline void fft_reference(std::complex<double>* z, int n, bool inverse = false) {
  for (int i = 1, j = 0; i < n; ++i) {  // bit-reversed order
    int bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(z[i], z[j]);
  }
  for (int half = 1; half < n; half *= 2) {
    for (int k = 0; k < half; ++k) {
      const SinCos w = portable_sincos(0.5 * k / half);
      const double wr = w.cos, wi = inverse ? w.sin : -w.sin;
      for (int i = k; i < n; i += 2 * half) {
        const std::complex<double> a = z[i], b = z[i + half];
        const std::complex<double> c{b.real() * wr - b.imag() * wi, b.real() * wi + b.imag() * wr};
        z[i] = a + c;
        z[i + half] = a - c;
      }
    }
  }
}

/// One frame's power. frame: n_fft complex numbers of workspace.
template <class T, class P>
void stft_frame_v0_reference(const StftDims& d, const T* x, int64_t t, std::complex<double>* frame,
                             P* power /*[bins]*/) {
  for (int i = 0; i < d.n_fft; ++i) {
    const int64_t s = d.source(t, i);
    const double window = 0.5 - 0.5 * portable_sincos(static_cast<double>(i) / d.n_fft).cos;
    frame[i] = s < 0 ? 0.0 : static_cast<double>(x[s]) * window;
  }
  fft_reference(frame, d.n_fft);
  for (int k = 0; k < d.bins(); ++k) power[k] = static_cast<P>(std::norm(frame[k]));
}

}  // namespace limbic
