// SPDX-License-Identifier: Apache-2.0
// Two shapes of the same op. inner > 1: lanes run over outputs. inner == 1: a row is summed by 16 lanes and a fixed
// tree.
#include "kernels/reduce/reduce.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

float sum_row(const float* x, int64_t n) {
  f32x16 a = zero(), b = zero(), c = zero(), e = zero();
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = a + load(x + i), b = b + load(x + i + 16), c = c + load(x + i + 32), e = e + load(x + i + 48);
  }
  vectors_of(i, n, [&](int64_t at, auto lane) { a = a + lane.get(x + at); });
  return sum((a + b) + (c + e));
}

/// out [inner] = sum over n rows of x [n,inner]; even and odd rows apart.
void sum_columns(const float* x, int64_t n, int64_t inner, float* out) {
  vectors_of(0, inner, [&](int64_t i, auto at) {
    f32x16 even = zero(), odd = zero();
    int64_t k = 0;
    for (; k + 2 <= n; k += 2) {
      even = even + at.get(x + k * inner + i);
      odd = odd + at.get(x + (k + 1) * inner + i);
    }
    if (k < n) even = even + at.get(x + k * inner + i);
    at.put(out + i, even + odd);
  });
}

void reduce_sum(const ReduceDims& d, const float* x, float* y, float* scratch) {
  const int64_t block = reduce_block(d), blocks = ceil_div(d.n, block);
  const double divisor = d.kind == ReduceKind::mean ? double(d.n) : 1.0;
  for_each_row(d.outer * blocks, smaller(d.n, block) * d.inner, [&](int64_t task) {
    const int64_t o = task / blocks, begin = task % blocks * block, n = smaller(d.n - begin, block);
    const float* from = x + (o * d.n + begin) * d.inner;
    if (d.inner == 1) {
      scratch[task] = sum_row(from, n);
    } else {
      sum_columns(from, n, d.inner, scratch + task * d.inner);
    }
  });
  for_each_row(d.outer * d.inner, 8 * blocks, [&](int64_t out) {
    const float* partial = scratch + out / d.inner * blocks * d.inner + out % d.inner;
    double total = 0;
    for (int64_t k = 0; k < blocks; ++k) total += partial[k * d.inner];
    y[out] = static_cast<float>(total / divisor);
  });
}

/// v beats top: larger, or the first NaN.
LIMBIC_INLINE mask16 beats(f32x16 v, f32x16 top) { return (v > top) | (is_nan(v) & ~is_nan(top)); }

void max_columns(const ReduceDims& d, const float* x, float* y, int32_t* argmax) {
  vectors_of(0, d.inner, [&](int64_t i, auto at) {
    f32x16 top = at.get(x + i);
    i32x16 best = broadcast_int(0);
    for (int64_t k = 1; k < d.n; ++k) {
      const f32x16 v = at.get(x + k * d.inner + i);
      const mask16 better = beats(v, top);
      top = select(better, v, top);
      best = select(better, broadcast_int(static_cast<int32_t>(k)), best);
    }
    at.put(y + i, top);
    if (argmax) at.put(argmax + i, best);
  });
}

void max_row(const ReduceDims& d, const float* x, float* y, int32_t* argmax) {
  f32x16 top = broadcast(x[0]);
  i32x16 best = broadcast_int(0);
  vectors_of(0, d.n, [&](int64_t k, auto at) {
    const f32x16 v = at.keep(at.get(x + k), top);
    const mask16 better = beats(v, top);
    top = select(better, v, top);
    best = select(better, broadcast_int(static_cast<int32_t>(k)) + lane_index(), best);
  });
  float value[lanes];
  int32_t index[lanes];
  store(value, top), store(index, best);
  int winner = 0;
  for (int i = 1; i < lanes; ++i) {
    const bool nan = value[i] != value[i], top_nan = value[winner] != value[winner];
    const bool same = value[i] == value[winner] || (nan && top_nan);
    if (value[i] > value[winner] || (nan && !top_nan) || (same && index[i] < index[winner])) winner = i;
  }
  *y = value[winner];
  if (argmax) *argmax = index[winner];
}

}  // namespace

void reduce_fwd_cpu_vector(const ReduceDims& d, const float* x, float* y, int32_t* argmax, float* scratch, Stream) {
  if (d.kind != ReduceKind::max) return reduce_sum(d, x, y, scratch);
  for_each_row(d.outer, d.n * d.inner, [&](int64_t o) {
    const int64_t out = o * d.inner;
    if (d.inner == 1) {
      max_row(d, x + o * d.n, y + out, argmax ? argmax + out : nullptr);
    } else {
      max_columns(d, x + out * d.n, y + out, argmax ? argmax + out : nullptr);
    }
  });
}

void reduce_bwd_cpu_vector(const ReduceDims& d, const float* dy, const int32_t* argmax, float* dx, float*, Stream) {
  const f32x16 divisor = broadcast(d.kind == ReduceKind::mean ? static_cast<float>(d.n) : 1.0f);
  const bool is_max = d.kind == ReduceKind::max;
  if (d.inner == 1) {
    for_each_row(d.outer, d.n, [&](int64_t o) {
      const f32x16 g = broadcast(dy[o]) / divisor;
      const i32x16 winner = broadcast_int(is_max ? argmax[o] : 0);
      vectors_of(0, d.n, [&](int64_t k, auto at) {
        const mask16 won = broadcast_int(static_cast<int32_t>(k)) + lane_index() == winner;
        at.put(dx + o * d.n + k, is_max ? select(won, g, zero()) : g);
      });
    });
    return;
  }
  for_each_row(d.outer * d.n, d.inner, [&](int64_t row) {
    const int64_t from = row / d.n * d.inner;
    const i32x16 here = broadcast_int(static_cast<int32_t>(row % d.n));
    vectors_of(0, d.inner, [&](int64_t i, auto at) {
      const f32x16 g = at.get(dy + from + i) / divisor;
      at.put(dx + row * d.inner + i, is_max ? select(at.get(argmax + from + i) == here, g, zero()) : g);
    });
  });
}

}  // namespace limbic::LIMBIC_ISA
