// SPDX-License-Identifier: Apache-2.0
#include "nets/mel_picture.h"

#include <algorithm>
#include <cmath>

#include "kernels/parallel.h"

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

void draw(const float* x, int64_t T, int64_t M, int size, float* pixel) {
  constexpr float range_db = 80, mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
  const float loudest = *std::max_element(x, x + T * M);
  auto grey = [&](int64_t t, int64_t m) { return std::max(0.0f, 1 + (x[t * M + m] - loudest) / range_db); };
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
}

}  // namespace

Tensor mel_picture(const Tensor& log_mels, int size) {
  if (log_mels.rank() != 3 || log_mels.size() == 0 || size < 1) {
    throw Error(ExitCode::usage,
                "mel_picture: input is " + shape_text(log_mels.shape()) + ", wants log-mels [N,frames,mels]");
  }
  const int64_t N = log_mels.dim(0), T = log_mels.dim(1), M = log_mels.dim(2);
  Tensor pictures = Tensor::empty({N, size, size, 3});
  const float* x = log_mels.data();
  float* pixels = pictures.data();
  parallel_for(N, [&](int64_t n) { draw(x + n * T * M, T, M, size, pixels + n * size * size * 3); });
  return pictures;  // [N,size,size,3]
}

}  // namespace limbic
