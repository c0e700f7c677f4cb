// SPDX-License-Identifier: Apache-2.0
#include "nets/front_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/dispatch.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

// Slaney, Auditory Toolbox (1998): linear to 1 kHz, logarithmic above, 27 steps for a factor of 6.4.
const double log_step = portable_log(6.4) / 27;
double hz_to_mel(double hz) { return hz < 1000 ? hz * 3 / 200 : 15 + portable_log(hz / 1000) / log_step; }
double mel_to_hz(double mel) { return mel < 15 ? mel * 200 / 3 : 1000 * portable_exp((mel - 15) * log_step); }

FrontEnd preset(const char* name, int sample_rate, int n_fft, int hop, int mels, double fmin, double fmax, Pad pad,
                double top_db = 0) {
  const auto matrix = mel_matrix(sample_rate, n_fft, mels, fmin, fmax);
  return {name, sample_rate, n_fft, hop,    mels,
          fmin, fmax,        pad,   top_db, std::make_shared<MelFilters>(matrix, n_fft / 2 + 1, mels)};
}

const std::vector<FrontEnd>& presets() {
  static const std::vector<FrontEnd> all = {
      preset("panns-32k", 32000, 1024, 320, 64, 50, 14000, Pad::reflect),
      preset("panns-16k", 16000, 512, 160, 64, 50, 8000, Pad::reflect),
      preset("panns-8k", 8000, 256, 80, 64, 50, 4000, Pad::reflect),
      preset("librosa-48k", 48000, 1024, 512, 128, 50, 24000, Pad::zero, 80),
      preset("librosa-48k-reflect", 48000, 1024, 512, 128, 50, 24000, Pad::reflect, 80),
      preset("voice-16k", 16000, 1024, 250, 64, 50, 8000, Pad::reflect),
  };
  return all;
}

constexpr Pass mel_pass{"mel", "fwd"};

LogMelDims log_mel_dims(const FrontEnd& front_end, int64_t samples) {
  return {{samples, front_end.n_fft, front_end.hop, front_end.pad}, front_end.n_mels};
}

const Rung<LogMelDims, LogMel>& mel_rung(const LogMelDims& dims) {
  return choose(mel_fwd_rungs(), mel_pass, Device::cpu, dims);
}

}  // namespace

MelFilters::MelFilters(const std::vector<float>& matrix, int bins, int mels) : bins_(bins) {
  if (matrix.size() != static_cast<size_t>(bins) * mels) {
    throw Error(ExitCode::usage,
                fmt::format("mel filters: {} weights, wants {} bins x {} mels", matrix.size(), bins, mels));
  }
  for (int m = 0; m < mels; ++m) {
    int first = 0, end = bins;
    while (first < bins && matrix[first * mels + m] == 0) ++first;
    while (end > first && matrix[(end - 1) * mels + m] == 0) --end;
    first_.push_back(first == end ? 0 : first);
    count_.push_back(end - first);
    offset_.push_back(static_cast<int32_t>(weight_.size()));
    for (int k = first; k < end; ++k) weight_.push_back(matrix[k * mels + m]);
  }
}

MelBank MelFilters::bank() const { return {mels(), first_.data(), count_.data(), offset_.data(), weight_.data()}; }

int64_t FrontEnd::min_samples() const {
  switch (pad) {
    case Pad::none:
      return n_fft;
    case Pad::zero:
      return 1;
    case Pad::reflect:
      return n_fft / 2 + 1;
  }
  return 1;
}

std::vector<std::string> front_end_names() {
  std::vector<std::string> names;
  for (const auto& front_end : presets()) names.push_back(front_end.name);
  return names;
}

const FrontEnd* find_front_end(const std::string& name) {
  for (const auto& front_end : presets()) {
    if (front_end.name == name) return &front_end;
  }
  return nullptr;
}

const FrontEnd* find_panns_front_end(int64_t bins) {
  for (const char* name : {"panns-32k", "panns-16k", "panns-8k"}) {
    const FrontEnd* front_end = find_front_end(name);
    if (front_end->n_fft / 2 + 1 == bins) return front_end;
  }
  return nullptr;
}

FrontEnd with_mel_matrix(FrontEnd front_end, const std::vector<float>& matrix, int mels) {
  front_end.filters = std::make_shared<MelFilters>(matrix, front_end.n_fft / 2 + 1, mels);
  front_end.n_mels = mels;
  return front_end;
}

std::vector<float> mel_matrix(int sample_rate, int n_fft, int mels, double fmin, double fmax) {
  std::vector<double> edge(mels + 2);  // Hz; filter m rises from edge m to m + 1 and falls to m + 2
  const double low = hz_to_mel(fmin), step = (hz_to_mel(fmax) - low) / (mels + 1);
  for (int i = 0; i < mels + 2; ++i) edge[i] = mel_to_hz(low + i * step);
  const int bins = n_fft / 2 + 1;
  std::vector<float> matrix(static_cast<size_t>(bins) * mels);
  for (int m = 0; m < mels; ++m) {
    const double area_norm = 2 / (edge[m + 2] - edge[m]);
    for (int k = 0; k < bins; ++k) {
      const double hz = static_cast<double>(k) * sample_rate / n_fft;
      if (hz <= edge[m] || hz >= edge[m + 2]) continue;
      const double rise = (hz - edge[m]) / (edge[m + 1] - edge[m]);
      const double fall = (edge[m + 2] - hz) / (edge[m + 2] - edge[m + 1]);
      matrix[k * mels + m] = static_cast<float>(std::min(rise, fall) * area_norm);
    }
  }
  return matrix;
}

Tensor log_mel(const FrontEnd& front_end, const float* samples, int64_t n) {
  if (n < front_end.min_samples()) {
    throw Error(ExitCode::media, fmt::format("log-mel {}: {} samples at {} Hz, wants at least {}", front_end.name, n,
                                             front_end.sample_rate, front_end.min_samples()));
  }
  const LogMelDims dims = log_mel_dims(front_end, n);
  Tensor y = Tensor::empty({dims.stft.frames(), front_end.n_mels});
  run(mel_rung(dims), mel_pass, dims, samples, front_end.filters->bank(), y.data());
  if (front_end.top_db > 0) {
    float* v = y.data();
    const float floor = *std::max_element(v, v + y.size()) - static_cast<float>(front_end.top_db);
    for (int64_t i = 0; i < y.size(); ++i) v[i] = std::max(v[i], floor);
  }
  return y;  // [T, mels]
}

std::string log_mel_rung(const FrontEnd& front_end) {
  return mel_rung(log_mel_dims(front_end, front_end.min_samples())).name;
}

std::vector<float> cut_window(const std::vector<float>& samples, int64_t begin, int64_t length) {
  assert(begin >= 0 && length >= 0);
  std::vector<float> window(length);
  const int64_t left = std::clamp<int64_t>(static_cast<int64_t>(samples.size()) - begin, 0, length);
  std::copy_n(samples.begin() + std::min<int64_t>(begin, samples.size()), left, window.begin() + (length - left) / 2);
  return window;
}

}  // namespace limbic
