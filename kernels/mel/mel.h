// SPDX-License-Identifier: Apache-2.0
// Log-mel spectrogram of a signal in one pass: power spectrogram (kernels/stft), triangular filters, decibels.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"
#include "kernels/stft/stft.h"

namespace limbic {

/// A filter bank whose filters are runs of neighbouring bins: filter m weighs bins first[m] .. first[m] + count[m] - 1
/// with weight[offset[m]] and on. All in the memory of the rung's device.
struct MelBank {
  int mels;
  const int32_t* first;   ///< [mels]
  const int32_t* count;   ///< [mels], 0: the filter is empty
  const int32_t* offset;  ///< [mels]
  const float* weight;
};

struct LogMelDims {
  StftDims stft;
  int mels;
  float amin = 1e-10f;  ///< power below this counts as this: silence is 10 log10(amin)
};

/// x [samples] -> y [frames, mels] = 10 log10(max(amin, sum over bins of weight * power)), bins in rising order.
using LogMel = void(const LogMelDims&, const float* x, const MelBank& bank, float* y, float* scratch, Stream);

std::span<const Rung<LogMelDims, LogMel>> mel_fwd_rungs();

void mel_fwd_v0_reference(const LogMelDims&, const float* x, const MelBank&, float* y, float* scratch, Stream);
size_t mel_v0_reference_scratch(const LogMelDims&);

bool mel_cpu_vector_supports(const LogMelDims&);
LIMBIC_EACH_ISA(void mel_fwd_cpu_vector(const LogMelDims&, const float* x, const MelBank&, float* y, float* scratch,
                                        Stream);)

}  // namespace limbic
