// SPDX-License-Identifier: Apache-2.0
// From samples to the log-mel spectrogram a net was trained on. A front end is a named preset; the name stands in a
// weight file's card, so that nobody feeds a net another one's pictures.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/mel/mel.h"

namespace limbic {

/// Triangular filters as a sparse bank; owns what a MelBank points to.
class MelFilters {
 public:
  /// From a dense matrix [bins, mels]; each filter runs from its first to its last non-zero bin.
  MelFilters(const std::vector<float>& matrix, int bins, int mels);
  MelBank bank() const;
  int bins() const { return bins_; }
  int mels() const { return static_cast<int>(first_.size()); }
  int64_t weights() const { return static_cast<int64_t>(weight_.size()); }  ///< stored numbers

 private:
  int bins_;
  std::vector<int32_t> first_, count_, offset_;
  std::vector<float> weight_;
};

struct FrontEnd {
  std::string name;
  int sample_rate;  ///< Hz
  int n_fft, hop;   ///< samples; the window is periodic Hann of n_fft
  int n_mels;
  double fmin, fmax;  ///< Hz
  Pad pad;
  double top_db = 0;  ///< values further below the clip's maximum are lifted to there; 0: none are
  std::shared_ptr<const MelFilters> filters;

  int64_t frames(int64_t samples) const { return StftDims{samples, n_fft, hop, pad}.frames(); }
  int64_t min_samples() const;  ///< fewer make log_mel throw
};

/// panns-32k panns-16k panns-8k (torchlibrosa), librosa-48k (system 2, librosa 0.9: zeros beyond the ends),
/// librosa-48k-reflect (librosa 0.8), voice-16k (limbic's own voice net: 64 frames/s).
std::vector<std::string> front_end_names();

/// The preset of that name, or nullptr.
const FrontEnd* find_front_end(const std::string& name);

/// The PANNs preset whose spectrum has `bins` (513, 257, 129): first axis of a checkpoint's front-end tensors; or
/// nullptr.
const FrontEnd* find_panns_front_end(int64_t bins);

/// The same front end with the filters of a checkpoint (`logmel_extractor.melW` [n_fft / 2 + 1, mels]).
FrontEnd with_mel_matrix(FrontEnd front_end, const std::vector<float>& matrix, int mels);

/// Slaney's mel scale and area norm (librosa's default), computed in f64: matrix [n_fft / 2 + 1, mels].
std::vector<float> mel_matrix(int sample_rate, int n_fft, int mels, double fmin, double fmax);

/// Log-mel in dB [frames, mels] of n samples at the front end's rate, full scale 1. Throws Error(ExitCode::media) where
/// there are fewer than min_samples.
Tensor log_mel(const FrontEnd& front_end, const float* samples, int64_t n);

/// The kernel that log_mel takes now: "cpu_vector" has the same bits everywhere, "v0_reference" others in the last
/// place.
std::string log_mel_rung(const FrontEnd& front_end);

/// Samples begin .. begin + length - 1 of a clip; where fewer are left, zeros on both sides, one more on the right if
/// odd. System 2 cuts 144000 from 24000 on: 0.5 to 3.5 s at 48 kHz.
std::vector<float> cut_window(const std::vector<float>& samples, int64_t begin, int64_t length);

}  // namespace limbic
