// SPDX-License-Identifier: Apache-2.0
// The FFT of a group of frames, one frame a lane. For files compiled per instruction set only.
// Idea: the packed real FFT needs n_fft / 2 complex points; radix-8 passes touch memory three times for 512 points, and
// with a frame in each lane no butterfly ever shuffles. Twiddles are scalars spread over the lanes.
#pragma once
#include "kernels/stft/fft_table.h"
#include "kernels/stft/lanes.h"
#include "kernels/stft/stft.h"

namespace limbic::LIMBIC_ISA {

struct Complex {
  Lanes re, im;
};
inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex times_minus_i(Complex a) { return {a.im, Lanes::all(0) - a.re}; }
inline Complex times(Complex a, const float* w /*(re, im)*/) {
  const Lanes wr = Lanes::all(w[0]), wi = Lanes::all(w[1]);
  return {fms(a.re, wr, a.im * wi), fma(a.re, wi, a.im * wr)};
}

inline void butterfly2(Complex* z) {
  const Complex a = z[0];
  z[0] = a + z[1];
  z[1] = a - z[1];
}

inline void butterfly4(Complex* z) {
  const Complex a = z[0] + z[2], b = z[0] - z[2], c = z[1] + z[3], d = z[1] - z[3];
  z[0] = a + c;
  z[2] = a - c;
  z[1] = {b.re + d.im, b.im - d.re};  // b - i d
  z[3] = {b.re - d.im, b.im + d.re};
}

inline void butterfly8(Complex* z) {
  Complex even[4] = {z[0], z[2], z[4], z[6]}, odd[4] = {z[1], z[3], z[5], z[7]};
  butterfly4(even);
  butterfly4(odd);
  const Lanes half_root = Lanes::all(0.70710678118654752440f);
  const Complex o1 = {(odd[1].re + odd[1].im) * half_root, (odd[1].im - odd[1].re) * half_root};  // exp(-i pi/4)
  const Complex o3 = {(odd[3].im - odd[3].re) * half_root, (odd[3].re + odd[3].im) * half_root};  // minus exp(-3i pi/4)
  z[0] = even[0] + odd[0];
  z[4] = even[0] - odd[0];
  z[1] = even[1] + o1;
  z[5] = even[1] - o1;
  z[2] = {even[2].re + odd[2].im, even[2].im - odd[2].re};
  z[6] = {even[2].re - odd[2].im, even[2].im + odd[2].re};
  z[3] = {even[3].re + o3.re, even[3].im - o3.im};
  z[7] = {even[3].re - o3.re, even[3].im + o3.im};
}

/// Work of one group: points + 1 complex numbers of Lanes::width frames, as [point][re, im][lane].
struct FrameGroup {
  static constexpr int stride = 2 * Lanes::width;
  alignas(64) float z[(FftTable::largest / 2 + 1) * stride];
  alignas(64) float border[Lanes::width][FftTable::largest];  ///< frames that reach over an end of the signal
  const float* frame[Lanes::width];

  Complex load(int point) const {
    return {Lanes::load(z + point * stride), Lanes::load(z + point * stride + Lanes::width)};
  }
  void store(int point, Complex v) {
    v.re.store(z + point * stride);
    v.im.store(z + point * stride + Lanes::width);
  }
};

/// Points frame[l] at frame first + l; a frame over a border is copied with its padding, one past the end repeats the
/// last.
inline void gather_frames(const StftDims& d, const float* x, int64_t first, FrameGroup& group) {
  const int64_t last = d.frames() - 1;
  for (int l = 0; l < Lanes::width; ++l) {
    const int64_t t = first + l < last ? first + l : last;
    const int64_t begin = t * d.hop - (d.pad == Pad::none ? 0 : d.n_fft / 2);
    if (begin >= 0 && begin + d.n_fft <= d.samples) {
      group.frame[l] = x + begin;
    } else if (l > 0 && first + l > last) {
      group.frame[l] = group.frame[l - 1];
    } else {
      for (int i = 0; i < d.n_fft; ++i) {
        const int64_t s = d.source(t, i);
        group.border[l][i] = s < 0 ? 0.0f : x[s];
      }
      group.frame[l] = group.border[l];
    }
  }
}

/// First pass: window, bring frames into lanes, butterflies over points j, j + N/8, ..., no twiddles.
inline void first_pass(const FftTable& table, FrameGroup& group) {
  constexpr int tile = Lanes::width / 2;  // points that one load of a frame brings
  const int step = table.points / 8;
  for (int j = 0; j < step; j += tile) {
    Lanes rows[8][Lanes::width];  // [a][2 * point + (re, im)] once transposed
    for (int a = 0; a < 8; ++a) {
      const int at = 2 * (j + step * a);
      const Lanes window = Lanes::load(table.half_window + at);
      for (int l = 0; l < Lanes::width; ++l) rows[a][l] = Lanes::load(group.frame[l] + at) * window;
      transpose(rows[a]);
    }
    for (int p = 0; p < tile; ++p) {
      Complex z[8];
      for (int a = 0; a < 8; ++a) z[a] = {rows[a][2 * p], rows[a][2 * p + 1]};
      butterfly8(z);
      for (int q = 0; q < 8; ++q) group.store(table.block[j + p] * 8 + q, z[q]);
    }
  }
}

/// Joins `Radix` neighbouring transforms of `length` points into one, everywhere.
template <int Radix>
inline void join_pass(const FftTable& table, int length, const float* twiddle, FrameGroup& group) {
  for (int block = 0; block < table.points; block += length * Radix) {
    const float* w = twiddle;
    for (int q = 0; q < length; ++q) {
      Complex z[Radix];
      z[0] = group.load(block + q);
      for (int b = 1; b < Radix; ++b, w += 2) z[b] = times(group.load(block + q + b * length), w);
      if constexpr (Radix == 2) butterfly2(z);
      if constexpr (Radix == 4) butterfly4(z);
      if constexpr (Radix == 8) butterfly8(z);
      for (int b = 0; b < Radix; ++b) group.store(block + q + b * length, z[b]);
    }
  }
}

/// Splits the packed spectrum Z into that of the real signal, X, and leaves |X[k]|^2 where Z[k].re was, k = 0 ..
/// points. With E, O the even and odd samples' spectra: Z[k] = E + i O, conj Z[N-k] = E - i O, X[k] = E + exp(-2 pi i
/// k/n) O.
inline void split_to_power(const FftTable& table, FrameGroup& group) {
  const int n = table.points;
  constexpr int stride = FrameGroup::stride;
  const Lanes four = Lanes::all(4);  // these bins miss the two halves that the window's factor stands for
  const Complex dc = group.load(0);
  const Lanes sum = dc.re + dc.im, difference = dc.re - dc.im;
  (sum * sum * four).store(group.z);
  (difference * difference * four).store(group.z + n * stride);
  const Complex middle = group.load(n / 2);
  (fma(middle.re, middle.re, middle.im * middle.im) * four).store(group.z + n / 2 * stride);
  for (int k = 1; k < n / 2; ++k) {
    const Complex a = group.load(k), b = group.load(n - k);
    const Complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
    const Complex turned = times(odd, table.split + 2 * k);
    const Complex low = even + turned, high = even - turned;
    fma(low.re, low.re, low.im * low.im).store(group.z + k * stride);
    fma(high.re, high.re, high.im * high.im).store(group.z + (n - k) * stride);
  }
}

/// Power of frames first .. first + Lanes::width - 1: bin k of lane l at group.z[k * stride + l].
inline void group_power(const StftDims& d, const FftTable& table, const float* x, int64_t first, FrameGroup& group) {
  gather_frames(d, x, first, group);
  first_pass(table, group);
  const float* twiddle = table.twiddle;
  for (int pass = 1, length = 8; pass < table.passes; length *= table.radix[pass++]) {
    switch (table.radix[pass]) {
      case 2:
        join_pass<2>(table, length, twiddle, group);
        break;
      case 4:
        join_pass<4>(table, length, twiddle, group);
        break;
      default:
        join_pass<8>(table, length, twiddle, group);
        break;
    }
    twiddle += 2 * length * (table.radix[pass] - 1);
  }
  split_to_power(table, group);
}

}  // namespace limbic::LIMBIC_ISA
