// SPDX-License-Identifier: Apache-2.0
// Power spectrogram of a real signal: frames of n_fft samples, hop apart, times a periodic Hann window, |DFT|^2.
// No scaling by window or length: a full-scale sine peaks at (n_fft / 4)^2.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

/// What stands before the first and after the last sample. `none`: nothing, frames lie inside the signal. Otherwise
/// frame t is centred on sample t * hop: over zeros, or over the signal mirrored at its ends (end samples not
/// repeated).
enum class Pad { none, zero, reflect };

struct StftDims {
  int64_t samples;
  int n_fft;  ///< a power of two
  int hop;
  Pad pad = Pad::reflect;

  [[gnu::always_inline]] constexpr int bins() const { return n_fft / 2 + 1; }
  [[gnu::always_inline]] constexpr int64_t frames() const {
    if (pad == Pad::none) return samples < n_fft ? 0 : 1 + (samples - n_fft) / hop;
    return 1 + samples / hop;
  }
  /// Sample of the signal that stands at position i of frame t; -1 where a zero does. reflect: samples > n_fft / 2.
  [[gnu::always_inline]] constexpr int64_t source(int64_t t, int i) const {
    int64_t s = t * hop + i - (pad == Pad::none ? 0 : n_fft / 2);
    if (pad == Pad::reflect) {
      if (s < 0) s = -s;
      if (s >= samples) s = 2 * (samples - 1) - s;
    }
    return s < 0 || s >= samples ? -1 : s;
  }
};

/// x [samples] -> power [frames, bins]. Source: the DFT's definition; window 0.5 - 0.5 cos(2 pi i / n_fft).
using StftPower = void(const StftDims&, const float* x, float* power, float* scratch, Stream);

std::span<const Rung<StftDims, StftPower>> stft_fwd_rungs();

void stft_fwd_v0_reference(const StftDims&, const float* x, float* power, float* scratch, Stream);
size_t stft_v0_reference_scratch(const StftDims&);

bool stft_cpu_vector_supports(const StftDims&);  ///< n_fft 256, 512, 1024 or 2048
LIMBIC_EACH_ISA(void stft_fwd_cpu_vector(const StftDims&, const float* x, float* power, float* scratch, Stream);)

}  // namespace limbic
