// SPDX-License-Identifier: Apache-2.0
#include "kernels/stft/fft_table.h"

#include <functional>
#include <mutex>

#include "kernels/mel/mel.h"
#include "kernels/portable_math.h"
#include "kernels/stft/stft.h"

namespace limbic {
namespace {

void fill(FftTable& table, int n_fft) {
  const int points = table.points = n_fft / 2;
  table.passes = 3;
  table.radix[0] = table.radix[1] = 8;
  table.radix[2] = points / 64;
  if (points == 1024) table.passes = 4, table.radix[2] = table.radix[3] = 4;

  for (int i = 0; i < n_fft; ++i) {
    const double window = 0.5 - 0.5 * portable_sincos(static_cast<double>(i) / n_fft).cos;
    table.half_window[i] = static_cast<float>(0.5 * window);
  }
  float* w = table.twiddle;
  for (int pass = 1, length = 8; pass < table.passes; length *= table.radix[pass++]) {
    for (int q = 0; q < length; ++q) {
      for (int b = 1; b < table.radix[pass]; ++b) {
        const SinCos v = portable_sincos(static_cast<double>(b * q) / (length * table.radix[pass]));
        *w++ = static_cast<float>(v.cos);
        *w++ = static_cast<float>(-v.sin);
      }
    }
  }
  for (int k = 0; k < points / 2; ++k) {
    const SinCos v = portable_sincos(static_cast<double>(k) / n_fft);
    table.split[2 * k] = static_cast<float>(v.cos);
    table.split[2 * k + 1] = static_cast<float>(-v.sin);
  }
  for (int j = 0; j < points / 8; ++j) {
    int rest = j, size = points / 8, place = 0, stride = 1;
    for (int pass = 1; pass < table.passes; ++pass) {  // the highest digit of j becomes the lowest of its place
      size /= table.radix[pass];
      place += rest / size * stride;
      rest %= size;
      stride *= table.radix[pass];
    }
    table.block[j] = static_cast<uint16_t>(place);
  }
}

}  // namespace

const FftTable* fft_table(int n_fft) {
  static FftTable tables[4];
  static std::once_flag filled[4];
  for (int i = 0; i < 4; ++i) {
    if (n_fft != 256 << i) continue;
    std::call_once(filled[i], fill, std::ref(tables[i]), n_fft);
    return &tables[i];
  }
  return nullptr;
}

bool stft_cpu_vector_supports(const StftDims& d) { return fft_table(d.n_fft) != nullptr; }
bool mel_cpu_vector_supports(const LogMelDims& d) { return fft_table(d.stft.n_fft) != nullptr; }

}  // namespace limbic
