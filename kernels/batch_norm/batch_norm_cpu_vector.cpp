// SPDX-License-Identifier: Apache-2.0
// Chunks of rows in parallel. A chunk's mean and squared deviations are taken about its own first row (so a large mean
// cancels nothing) and the chunks are merged in order, in double, by Chan, Golub and LeVeque's formula (1983).
// Memory: x is read twice and y written once forward; x and dy read twice, dx written once backward.
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

struct Chunks {
  int64_t rows, count;
  explicit Chunks(const BatchNormDims& d) : rows(batch_norm_chunk(d)), count(ceil_div(d.rows, rows)) {}
};

/// Rows begin..end of channels c.. (two vectors at a time where there are two): body(c, at) returns a pair of sums.
struct Sums {
  f32x16 first, second;
};

/// first: sum of x - shift; second: sum of (x - shift)^2, shift = x[begin].
template <class At>
[[gnu::always_inline]] inline Sums deviations(const float* x, int64_t rows, int64_t C, At at) {
  const f32x16 shift = at.get(x);
  // even and odd rows apart: two short chains of additions instead of a long one
  Sums a{zero(), zero()}, b{zero(), zero()};
  int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    const f32x16 u = at.get(x + r * C) - shift, v = at.get(x + (r + 1) * C) - shift;
    a.first = a.first + u, a.second = fma(u, u, a.second);
    b.first = b.first + v, b.second = fma(v, v, b.second);
  }
  if (r < rows) {
    const f32x16 u = at.get(x + r * C) - shift;
    a.first = a.first + u, a.second = fma(u, u, a.second);
  }
  return {a.first + b.first, a.second + b.second};
}

/// y = (x - mean) * scale + bias, in training and in evaluation: a mean folded into the bias would cost the digits that
/// mean * scale has before those of y, all of them where the variance is near 0.
struct Channels {
  const float *mean, *scale, *bias;
};

/// Writes scale [C].
Channels channel_constants(const BatchNormDims& d, const float* mean, const float* var, const float* weight,
                           const float* bias, float eps, float* scale) {
  vectors_of(0, d.C, [&](int64_t c, auto at) {
    at.put(scale + c, at.get(weight + c) / sqrt(at.get(var + c) + broadcast(eps)));
  });
  return {mean, scale, bias};
}

/// The forward's arithmetic, which the backward's mask repeats bit for bit.
template <class At>
[[gnu::always_inline]] inline f32x16 normalised(f32x16 x, const Channels& k, int64_t c, At at) {
  return fma(x - at.get(k.mean + c), at.get(k.scale + c), at.get(k.bias + c));
}

template <class T>
void normalise(const BatchNormDims& d, const T* x, const Channels& k, bool relu, T* y) {
  for_each_row(d.rows, d.C, [&](int64_t r) {
    const T* in = x + r * d.C;
    T* out = y + r * d.C;
    if (relu) {
      vectors_of(0, d.C,
                 [&](int64_t c, auto at) { at.put(out + c, max(zero(), normalised(at.get(in + c), k, c, at))); });
    } else {
      vectors_of(0, d.C, [&](int64_t c, auto at) { at.put(out + c, normalised(at.get(in + c), k, c, at)); });
    }
  });
}

}  // namespace

void batch_norm_fwd_cpu_vector(const BatchNormDims& d, const float* x, const float* weight, const float* bias,
                               float eps, bool relu, float* mean, float* var, float* y, float* scratch, Stream) {
  const Chunks chunks(d);
  const int64_t C = d.C;
  parallel_for(chunks.count, [&](int64_t k) {
    const int64_t begin = k * chunks.rows, rows = smaller(d.rows - begin, chunks.rows);
    const float* block = x + begin * C;
    float* out = scratch + 2 * k * C;  // [2,C]: mean and squared deviations of the chunk
    vectors_of(0, C, [&](int64_t c, auto at) {
      const Sums s = deviations(block + c, rows, C, at);
      const f32x16 shift = at.get(block + c), m = s.first / broadcast(static_cast<float>(rows));
      at.put(out + c, shift + m);
      at.put(out + C + c, max(zero(), negative_fma(m, s.first, s.second)));
    });
  });
  for_each_row(C, 64 * chunks.count, [&](int64_t c) {
    double total = 0, squares = 0;
    for (int64_t k = 0; k < chunks.count; ++k) {
      total += double(smaller(d.rows - k * chunks.rows, chunks.rows)) * scratch[2 * k * C + c];
    }
    const double m = total / double(d.rows);
    for (int64_t k = 0; k < chunks.count; ++k) {
      const double apart = scratch[2 * k * C + c] - m;
      const double rows = double(smaller(d.rows - k * chunks.rows, chunks.rows));
      squares = squares + (scratch[(2 * k + 1) * C + c] + rows * apart * apart);
    }
    mean[c] = static_cast<float>(m);
    var[c] = static_cast<float>(squares / double(d.rows));
  });
  const Channels k = channel_constants(d, mean, var, weight, bias, eps, scratch + 2 * chunks.count * C);
  normalise(d, x, k, relu, y);
}

void batch_norm_apply_cpu_vector(const BatchNormDims& d, const float* x, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, bool relu, float* y, float* scratch,
                                 Stream) {
  normalise(d, x, channel_constants(d, mean, var, weight, bias, eps, scratch), relu, y);
}

void batch_norm_apply_cpu_vector(const BatchNormDims& d, const bf16* x, const float* mean, const float* var,
                                 const float* weight, const float* bias, float eps, bool relu, bf16* y, float* scratch,
                                 Stream) {
  normalise(d, x, channel_constants(d, mean, var, weight, bias, eps, scratch), relu, y);
}

namespace {

/// What the two passes of the backward share.
struct Backward {
  const BatchNormDims& d;
  const float *x, *dy;
  Channels k;
  bool relu;

  /// dy behind the ReLU, and x - mean.
  template <class At>
  [[gnu::always_inline]] Sums at_element(int64_t i, int64_t c, At at) const {
    const f32x16 value = at.get(x + i), g = at.get(dy + i);
    if (!relu) return {g, value - at.get(k.mean + c)};
    return {select(normalised(value, k, c, at) > zero(), g, zero()), value - at.get(k.mean + c)};
  }
};

}  // namespace

void batch_norm_bwd_cpu_vector(const BatchNormDims& d, const float* x, const float* dy, const float* mean,
                               const float* var, const float* weight, const float* bias, float eps, bool relu,
                               bool train, float* dx, float* dweight, float* dbias, float* scratch, Stream) {
  const Chunks chunks(d);
  const int64_t C = d.C;
  float* scale = scratch + 2 * chunks.count * C;
  float *offset = scale + C, *slope = scale + 2 * C;  // dx = scale * (dz - offset - (x - mean) * slope)
  const Backward b{d, x, dy, channel_constants(d, mean, var, weight, bias, eps, scale), relu};
  parallel_for(chunks.count, [&](int64_t k) {
    const int64_t begin = k * chunks.rows, end = smaller(d.rows, begin + chunks.rows);
    float* out = scratch + 2 * k * C;  // [2,C]: sums of dz and of dz * (x - mean)
    vectors_of(0, C, [&](int64_t c, auto at) {
      Sums even{zero(), zero()}, odd{zero(), zero()};
      int64_t r = begin;
      for (; r + 2 <= end; r += 2) {
        const Sums u = b.at_element(r * C + c, c, at), v = b.at_element((r + 1) * C + c, c, at);
        even.first = even.first + u.first, even.second = fma(u.first, u.second, even.second);
        odd.first = odd.first + v.first, odd.second = fma(v.first, v.second, odd.second);
      }
      if (r < end) {
        const Sums u = b.at_element(r * C + c, c, at);
        even.first = even.first + u.first, even.second = fma(u.first, u.second, even.second);
      }
      at.put(out + c, even.first + odd.first);
      at.put(out + C + c, even.second + odd.second);
    });
  });
  for_each_row(C, 64 * chunks.count, [&](int64_t c) {
    double total = 0, products = 0;
    for (int64_t k = 0; k < chunks.count; ++k) {
      total += scratch[2 * k * C + c];
      products += scratch[(2 * k + 1) * C + c];
    }
    const double rstd = 1 / __builtin_sqrt(double(var[c]) + double(eps));
    dbias[c] = static_cast<float>(total);
    dweight[c] = static_cast<float>(products * rstd);
    offset[c] = train ? static_cast<float>(total / double(d.rows)) : 0.0f;
    slope[c] = train ? static_cast<float>(products * rstd * rstd / double(d.rows)) : 0.0f;
  });
  for_each_row(d.rows, C, [&](int64_t r) {
    vectors_of(0, C, [&](int64_t c, auto at) {
      const Sums u = b.at_element(r * C + c, c, at);
      const f32x16 centred = negative_fma(u.second, at.get(slope + c), u.first - at.get(offset + c));
      at.put(dx + r * C + c, at.get(scale + c) * centred);
    });
  });
}

}  // namespace limbic::LIMBIC_ISA
