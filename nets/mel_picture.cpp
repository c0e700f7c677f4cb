// SPDX-License-Identifier: Apache-2.0
#include "nets/mel_picture.h"

#include <algorithm>
#include <cmath>

namespace limbic {
namespace {

// Where output pixel i of `out` lies among `in` pixels: centres are aligned, borders repeat.
struct Tap {
  int64_t low, high;
  float share;  // of high
};
Tap tap(int i, int out, int64_t in) {
  const float at = std::clamp((static_cast<float>(i) + 0.5f) * static_cast<float>(in) / static_cast<float>(out) - 0.5f,
                              0.0f, static_cast<float>(in - 1));
  const auto low = static_cast<int64_t>(at);
  return {low, std::min(low + 1, in - 1), at - static_cast<float>(low)};
}

}  // namespace

Tensor mel_picture(const Tensor& log_mel, int size) {
  constexpr float range_db = 80, mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  if (log_mel.rank() != 2 || log_mel.size() == 0 || size < 1) {
    throw Error(ExitCode::usage,
                "mel_picture: input is " + shape_text(log_mel.shape()) + ", wants a log-mel [frames,mels]");
  }
  const int64_t T = log_mel.dim(0), M = log_mel.dim(1);
  const float* x = log_mel.data();
  const float loudest = *std::max_element(x, x + log_mel.size());
  auto grey = [&](int64_t t, int64_t m) { return std::max(0.0f, 1 + (x[t * M + m] - loudest) / range_db); };

  Tensor picture = Tensor::empty({size, size, 3});
  float* pixel = picture.data();
  for (int row = 0; row < size; ++row) {
    const Tap m = tap(size - 1 - row, size, M);
    for (int column = 0; column < size; ++column) {
      const Tap t = tap(column, size, T);
      const float low = std::fma(t.share, grey(t.high, m.low) - grey(t.low, m.low), grey(t.low, m.low));
      const float high = std::fma(t.share, grey(t.high, m.high) - grey(t.low, m.high), grey(t.low, m.high));
      const float value = std::fma(m.share, high - low, low);
      for (int c = 0; c < 3; ++c) *pixel++ = (value - mean[c]) / deviation[c];
    }
  }
  return picture;  // [size,size,3]
}

}  // namespace limbic
