// SPDX-License-Identifier: Apache-2.0
// Idea: filters and logarithm follow the FFT while its group of frames is still in the cache, still one frame a lane.
// Why faster: the power spectrogram (2 MB for 10 s) is never written, only the filters' 866 of 32832 weights are
// touched, and the logarithm is a polynomial on all lanes. Limited by: the FFT's passes.
#include "kernels/mel/mel.h"
#include "kernels/parallel.h"
#include "kernels/simd_math.h"
#include "kernels/stft/stft_lanes.h"

namespace limbic::LIMBIC_ISA {
namespace {

/// 10 log10 x for positive normal x, error below 1e-6 of log2's unit.
Lanes decibels(Lanes x) {
  Lanes m, e;
  split_exponent(x, m, e);
  const Lanes f = m - Lanes::all(1), f2 = f * f;
  Lanes p = Lanes::all(math::log_polynomial[0]);
  for (int i = 1; i < 9; ++i) p = fma(p, f, Lanes::all(math::log_polynomial[i]));
  const Lanes log_m = fma(f2, fma(p, f, Lanes::all(-0.5f)), f);
  return fma(e, Lanes::all(3.01029995663981195f),
             log_m * Lanes::all(4.34294481903251828f));  // 10 / log2(10), 10 / ln 10
}

}  // namespace

void mel_fwd_cpu_vector(const LogMelDims& d, const float* x, const MelBank& bank, float* y, float*, Stream) {
  const FftTable& table = *fft_table(d.stft.n_fft);
  const int64_t frames = d.stft.frames();
  constexpr int width = Lanes::width;
  parallel_for((frames + width - 1) / width, [&](int64_t task) {
    FrameGroup group;
    const int64_t first = task * width;
    group_power(d.stft, table, x, first, group);
    const int64_t count = frames - first < width ? frames - first : width;
    for (int m0 = 0; m0 < d.mels; m0 += width) {
      const int columns = d.mels - m0 < width ? d.mels - m0 : width;
      Lanes tile[width];  // [mel][frame], then [frame][mel]
      for (int i = 0; i < width; ++i) {
        const int m = i < columns ? m0 + i : m0;
        const float* power = group.z + bank.first[m] * FrameGroup::stride;
        const float* weight = bank.weight + bank.offset[m];
        Lanes sum = Lanes::all(0);
        for (int k = 0; k < bank.count[m]; ++k) {
          sum = fma(Lanes::all(weight[k]), Lanes::load(power + k * FrameGroup::stride), sum);
        }
        tile[i] = decibels(max(sum, Lanes::all(d.amin)));
      }
      transpose(tile);
      for (int l = 0; l < count; ++l) {
        float* out = y + (first + l) * d.mels + m0;
        if (columns == width) {
          tile[l].store(out);
        } else {
          alignas(64) float row[width];
          tile[l].store(row);
          for (int i = 0; i < columns; ++i) out[i] = row[i];
        }
      }
    }
  });
}

}  // namespace limbic::LIMBIC_ISA
