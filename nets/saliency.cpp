// SPDX-License-Identifier: Apache-2.0
#include "nets/saliency.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

#include "engine/dispatch.h"
#include "kernels/parallel.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

constexpr int side = 64;          // the scale at which salience is looked for
using Map = std::vector<double>;  // [side,side]
using Spectrum = std::vector<std::complex<double>>;

// Bilinear, pixel centres at halves, edges repeated.
template <class From, class To>
void resize(const From* from, int h, int w, To* to, int new_h, int new_w) {
  const auto place = [](int i, int n, int new_n) {
    return std::clamp((i + 0.5) * n / new_n - 0.5, 0.0, static_cast<double>(n - 1));
  };
  for (int i = 0; i < new_h; ++i) {
    const double y = place(i, h, new_h);
    const int y0 = static_cast<int>(y), y1 = std::min(y0 + 1, h - 1);
    for (int j = 0; j < new_w; ++j) {
      const double x = place(j, w, new_w);
      const int x0 = static_cast<int>(x), x1 = std::min(x0 + 1, w - 1);
      const auto row = [&](int r) { return from[r * w + x0] * (1 - (x - x0)) + from[r * w + x1] * (x - x0); };
      to[i * new_w + j] = static_cast<To>(row(y0) * (1 - (y - y0)) + row(y1) * (y - y0));
    }
  }
}

// One row or column in place (Cooley and Tukey); direction -1 forward, +1 back, unscaled.
void transform(std::complex<double>* x, int stride, int direction) {
  for (int i = 1, j = 0; i < side; ++i) {  // bit reversal
    int bit = side / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i * stride], x[j * stride]);
  }
  for (int length = 2; length <= side; length *= 2) {
    for (int k = 0; k < length / 2; ++k) {
      const SinCos turn = portable_sincos(static_cast<double>(direction * k) / length);
      for (int i = k; i < side; i += length) {
        auto& a = x[i * stride];
        auto& b = x[(i + length / 2) * stride];
        const std::complex<double> turned(b.real() * turn.cos - b.imag() * turn.sin,
                                          b.real() * turn.sin + b.imag() * turn.cos);
        b = a - turned;
        a += turned;
      }
    }
  }
}

void transform(Spectrum& x, int direction) {
  for (int i = 0; i < side; ++i) transform(x.data() + i * side, 1, direction);
  for (int i = 0; i < side; ++i) transform(x.data() + i, side, direction);
}

// Weighted means over a square window; beyond the edge the map is mirrored, the edge itself once.
template <size_t taps>
Map filtered(const Map& from, const std::array<double, taps>& weights) {
  constexpr int reach = taps / 2;
  const auto mirrored = [](int i) { return i < 0 ? -i : i >= side ? 2 * side - 2 - i : i; };
  Map to(side * side);
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      double sum = 0;
      for (int a = -reach; a <= reach; ++a) {
        for (int b = -reach; b <= reach; ++b) {
          sum += weights[a + reach] * weights[b + reach] * from[mirrored(i + a) * side + mirrored(j + b)];
        }
      }
      to[i * side + j] = sum;
    }
  }
  return to;
}

constexpr std::array<double, 3> mean_of_three{1.0 / 3, 1.0 / 3, 1.0 / 3};

std::array<double, 5> gaussian() {  // deviation 8
  std::array<double, 5> weights{};
  double total = 0;
  for (int i = 0; i < 5; ++i) total += weights[i] = portable_exp(-(i - 2) * (i - 2) / 128.0);
  for (double& w : weights) w /= total;
  return weights;
}

// The inverse transform of exp(residual) with the old phase, where residual = log amplitude - its local mean: that is
// the spectrum times exp(-local mean).
Map salience(const Map& picture) {
  Spectrum spectrum(picture.begin(), picture.end());
  transform(spectrum, -1);
  Map log_amplitude(side * side);
  for (int i = 0; i < side * side; ++i) {
    log_amplitude[i] = portable_log(std::max(std::norm(spectrum[i]), 1e-24)) / 2;
  }
  const Map local_mean = filtered(log_amplitude, mean_of_three);
  for (int i = 0; i < side * side; ++i) spectrum[i] *= portable_exp(-local_mean[i]);
  transform(spectrum, 1);
  Map amplitude(side * side);
  for (int i = 0; i < side * side; ++i) amplitude[i] = std::sqrt(std::norm(spectrum[i]));
  Map map = filtered(amplitude, gaussian());
  const double largest = *std::max_element(map.begin(), map.end());
  for (double& v : map) v = largest > 0 ? (v / largest) * (v / largest) : 0;
  return map;
}

}  // namespace

Tensor spectral_residual(const Tensor& pictures) {
  if (pictures.rank() != 4 || pictures.dim(3) != 1 || pictures.size() == 0) {
    refuse("spectral_residual: pictures ", pictures.shape(), ", expected [N,H,W,1]");
  }
  const int h = static_cast<int>(pictures.dim(1)), w = static_cast<int>(pictures.dim(2));
  Tensor maps = Tensor::empty(pictures.shape());
  const float* const from = pictures.data();
  float* const to = maps.data();
  parallel_for(pictures.dim(0), [&](int64_t n) {
    Map picture(side * side);
    resize(from + n * h * w, h, w, picture.data(), side, side);
    resize(salience(picture).data(), side, side, to + n * h * w, h, w);
  });
  return maps;
}

}  // namespace limbic
