// SPDX-License-Identifier: Apache-2.0
// Constants of a real FFT of n_fft samples, done as a complex FFT of half as many points: z[i] = x[2i] + i x[2i+1].
#pragma once
#include <cstdint>

namespace limbic {

struct FftTable {
  static constexpr int largest = 2048;
  int points = 0;                          ///< n_fft / 2
  int passes = 0;                          ///< the first pass has no twiddles
  int radix[4] = {};                       ///< product = points; the first two are 8
  alignas(64) float half_window[largest];  ///< 0.5 * Hann: the split of the packed spectrum divides by 2
  alignas(64) float twiddle[largest];      ///< pass 1, 2, ..: [q < L][b = 1 .. R-1](re, im) of exp(-2 pi i b q / (L R))
  alignas(64) float split[largest / 2];    ///< (re, im) of exp(-2 pi i k / n_fft), k < points / 2
  uint16_t block[largest / 16];            ///< where the first pass leaves its j-th block of 8: digits of j reversed
};

/// The table for n_fft 256, 512, 1024 or 2048 (made at the first call, in static storage); nullptr for any other.
const FftTable* fft_table(int n_fft);

}  // namespace limbic
