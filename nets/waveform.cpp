// SPDX-License-Identifier: Apache-2.0
#include "nets/waveform.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "kernels/parallel.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

constexpr int window_size = 2048, hop = 512, bins = window_size / 2 + 1;

struct Complex {  // std::complex's product checks for NaN, its abs asks libm
  double re = 0, im = 0;
};
Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
Complex conj(Complex a) { return {a.re, -a.im}; }
double abs(Complex a) { return std::sqrt(a.re * a.re + a.im * a.im); }

/// a / length; 1 for 0, whose angle counts as 0.
Complex direction(Complex a, double length) {
  return length > 0 ? Complex{a.re / length, a.im / length} : Complex{1, 0};
}

struct Tables {
  double window[window_size];      // periodic Hann
  Complex root[window_size / 2];   // exp(-2 pi i k / window_size)
  uint16_t reversed[window_size];  // bits of the index, mirrored
  Tables() {
    for (int i = 0; i < window_size; ++i) {
      const SinCos turn = portable_sincos(static_cast<double>(i) / window_size);
      window[i] = 0.5 - 0.5 * turn.cos;
      if (i < window_size / 2) root[i] = {turn.cos, -turn.sin};
      reversed[i] = i == 0 ? 0 : static_cast<uint16_t>((reversed[i / 2] / 2) | (i % 2 ? window_size / 2 : 0));
    }
  }
};
const Tables& tables() {
  static const Tables made;
  return made;
}

/// Forward transform of window_size points; the inverse is the conjugate of the transform of the conjugate, / n.
void fft(std::vector<Complex>& z) {
  const Tables& t = tables();
  for (int i = 0; i < window_size; ++i) {
    if (i < t.reversed[i]) std::swap(z[i], z[t.reversed[i]]);
  }
  for (int half = 1; half < window_size; half *= 2) {
    const int step = window_size / 2 / half;
    for (int i = 0; i < window_size; i += 2 * half) {
      for (int k = 0; k < half; ++k) {
        const Complex a = z[i + k], b = z[i + k + half] * t.root[k * step];
        z[i + k] = a + b;
        z[i + k + half] = a - b;
      }
    }
  }
}

/// Frames centred on every hop-th sample, zeros beyond the ends: [frames][bins].
std::vector<std::vector<Complex>> analyse(const std::vector<float>& x) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<std::vector<Complex>> frames(1 + n / hop);
  parallel_for(static_cast<int64_t>(frames.size()), [&](int64_t f) {
    std::vector<Complex> z(window_size);
    for (int i = 0; i < window_size; ++i) {
      const int64_t s = f * hop + i - window_size / 2;
      if (s >= 0 && s < n) z[i].re = x[s] * tables().window[i];
    }
    fft(z);
    z.resize(bins);
    frames[f] = std::move(z);
  });
  return frames;
}

/// Overlap-add of windowed inverse transforms, divided by the sum of squared windows: n samples.
std::vector<float> synthesise(std::vector<std::vector<Complex>>& frames, int64_t n) {
  const auto count = static_cast<int64_t>(frames.size());
  parallel_for(count, [&](int64_t f) {
    std::vector<Complex>& z = frames[f];
    z.resize(window_size);
    for (int k = 1; k < bins; ++k) {
      z[k] = conj(z[k]);
      z[window_size - k] = conj(z[k]);
    }
    z[0].im = z[window_size / 2].im = 0;
    fft(z);  // real: nothing to conjugate back
  });
  std::vector<float> y(n);
  for (int64_t s = 0; s < n; ++s) {
    const int64_t at = s + window_size / 2;  // frame f covers f * hop .. f * hop + window_size - 1 of this axis
    double sum = 0, weight = 0;
    for (int64_t f = std::max<int64_t>(0, (at - window_size) / hop + 1); f <= std::min(at / hop, count - 1); ++f) {
      const double w = tables().window[at - f * hop];
      sum += w * frames[f][at - f * hop].re / window_size;
      weight += w * w;
    }
    y[s] = static_cast<float>(weight > 1e-10 ? sum / weight : 0);
  }
  return y;
}

// The filter of `resample`: one wing of the windowed sinc, `steps` values per zero crossing.
constexpr int zero_crossings = 64, steps = 512;
constexpr double beta = 14.769656459379492, roll_off = 0.9475937167399596;

double bessel_i0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; k < 60; ++k) sum += term *= (x / (2 * k)) * (x / (2 * k));
  return sum;
}

const std::vector<double>& sinc_wing() {
  static const std::vector<double> wing = [] {
    std::vector<double> h(zero_crossings * steps + 2);  // and two zeros for the interpolation at the end
    for (int i = 0; i < zero_crossings * steps; ++i) {
      const double t = static_cast<double>(i) / steps, edge = t / zero_crossings;
      const double phase = std::numbers::pi * roll_off * t;
      const double sinc = i == 0 ? 1 : portable_sincos(roll_off * t / 2).sin / phase;
      h[i] = roll_off * sinc * bessel_i0(beta * std::sqrt(1 - edge * edge)) / bessel_i0(beta);
    }
    return h;
  }();
  return wing;
}

}  // namespace

std::vector<float> add_noise(const std::vector<float>& x, float amplitude, Random& random) {
  std::vector<float> y(x);
  for (float& v : y) v += amplitude * random.normal();
  return y;
}

std::vector<float> time_stretch(const std::vector<float>& x, double rate) {
  if (!(rate > 0)) throw Error(ExitCode::usage, "time_stretch: the rate must be positive");
  auto frames = analyse(x);
  const std::vector<Complex> silence(bins);
  frames.push_back(silence);
  frames.push_back(silence);
  const auto last = static_cast<int64_t>(frames.size()) - 2;

  // The vocoder interpolates magnitudes and lets every bin's phase go on by what it goes on between the two frames
  // around it. Phases are kept as directions: adding an angle is a product, and no angle is ever computed.
  std::vector<std::vector<double>> size(frames.size(), std::vector<double>(bins));
  std::vector<Complex> phase(bins);  // of the output
  for (size_t f = 0; f < frames.size(); ++f) {
    for (int k = 0; k < bins; ++k) {
      size[f][k] = abs(frames[f][k]);
      frames[f][k] = direction(frames[f][k], size[f][k]);
      if (f == 0) phase[k] = frames[f][k];
    }
  }
  std::vector<std::vector<Complex>> stretched;
  for (int64_t t = 0; t * rate < last; ++t) {
    const double at = t * rate;
    const auto from = static_cast<int64_t>(at);
    const double share = at - static_cast<double>(from);
    std::vector<Complex> frame(bins);
    for (int k = 0; k < bins; ++k) {
      const double now = (1 - share) * size[from][k] + share * size[from + 1][k];
      frame[k] = {now * phase[k].re, now * phase[k].im};
      const Complex next = phase[k] * (frames[from + 1][k] * conj(frames[from][k]));
      phase[k] = direction(next, abs(next));  // rounding must not make it drift from length 1
    }
    stretched.push_back(std::move(frame));
  }
  return synthesise(stretched, std::llround(static_cast<double>(x.size()) / rate));
}

std::vector<float> pitch_shift(const std::vector<float>& x, double semitones) {
  const double factor = portable_exp(semitones / 12 * std::numbers::ln2);  // of every frequency
  auto y = resample(time_stretch(x, 1 / factor), 1 / factor);
  y.resize(x.size());
  return y;
}

std::vector<float> shift(const std::vector<float>& x, int64_t by) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<float> y(x.size());
  for (int64_t i = std::max<int64_t>(0, by); i < std::min(n, n + by); ++i) y[i] = x[i - by];
  return y;
}

std::vector<float> resample(const std::vector<float>& x, double ratio) {
  if (!(ratio > 0)) throw Error(ExitCode::usage, "resample: the ratio must be positive");
  const auto n = static_cast<int64_t>(x.size());
  const auto count = static_cast<int64_t>(std::ceil(static_cast<double>(n) * ratio));
  std::vector<float> y(count);
  const std::vector<double>& wing = sinc_wing();
  const double scale = std::min(1.0, ratio);  // going down, the filter widens to the new band
  const double step = scale * steps, end = zero_crossings * steps;
  const auto wing_at = [&](double place) {
    const auto cell = static_cast<int>(place);
    return wing[cell] + (place - cell) * (wing[cell + 1] - wing[cell]);
  };
  constexpr int64_t chunk = 4096;
  parallel_for((count + chunk - 1) / chunk, [&](int64_t task) {
    for (int64_t i = task * chunk; i < std::min(count, (task + 1) * chunk); ++i) {
      const double at = static_cast<double>(i) / ratio;
      const auto centre = static_cast<int64_t>(at);
      const double offset = (at - static_cast<double>(centre)) * step;
      double sum = 0;
      for (int64_t s = std::min(centre, n - 1), k = centre - s; s >= 0; --s, ++k) {
        const double place = offset + static_cast<double>(k) * step;
        if (place > end) break;
        sum += x[s] * wing_at(place);
      }
      for (int64_t s = centre + 1, k = 1; s < n; ++s, ++k) {
        const double place = static_cast<double>(k) * step - offset;
        if (place > end) break;
        sum += x[s] * wing_at(place);
      }
      y[i] = static_cast<float>(sum * scale);
    }
  });
  return y;
}

}  // namespace limbic
