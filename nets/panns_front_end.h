// SPDX-License-Identifier: Apache-2.0
// The three front-end tensors that a PANNs checkpoint stores beside its weights. limbic computes log-mels with an FFT
// (front_end.h); it keeps these so that files stay complete, and to tell which sampling rate a file was trained for.
#pragma once
#include "engine/module.h"
#include "nets/front_end.h"
#include "nets/nets.h"

namespace limbic {

/// The preset of a rate: "panns-32k".
const FrontEnd& panns_front_end(PannsRate rate);

/// Buffers under their published names; frozen upstream, so no parameters here.
class PannsFrontEndTensors {
 public:
  PannsFrontEndTensors(PannsRate rate, int mels);
  Tensor conv_real;  ///< [n_fft/2+1, 1, n_fft] cos(2 pi k n / n_fft) times the Hann window
  Tensor conv_imag;  ///< the same with -sin
  Tensor mel_w;      ///< [n_fft/2+1, mels], applied as power @ melW: Slaney's scale and area norm
};

}  // namespace limbic
