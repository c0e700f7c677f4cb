// SPDX-License-Identifier: Apache-2.0
// One channel from one rate to another, piece by piece.
#pragma once
#include <cstddef>
#include <vector>

struct SwrContext;

namespace limbic::reader {

/// libswresample's windowed sinc: Kaiser beta 9, 128 taps at the lower of the two rates, cut-off at 0.95 of its half,
/// and exact phases for rational ratios. Flat to 0.1 dB up to 0.9 of the half rate, images and aliases below -80 dB.
class Resampler {
 public:
  Resampler(int in_rate, int out_rate);
  ~Resampler();
  Resampler(const Resampler&) = delete;
  Resampler& operator=(const Resampler&) = delete;

  void push(const float* samples, size_t count, std::vector<float>& out);  ///< appends what is ready
  void finish(std::vector<float>& out);                                    ///< appends the rest

 private:
  void convert(const float* samples, int count, std::vector<float>& out);
  SwrContext* context_ = nullptr;  ///< null where the rates are equal
  int in_rate_, out_rate_;
};

}  // namespace limbic::reader
