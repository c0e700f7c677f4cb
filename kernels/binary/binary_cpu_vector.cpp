// SPDX-License-Identifier: Apache-2.0
// Neighbouring axes that both inputs walk in one stride are merged first: two equal shapes become one long row, a
// scalar too, a bias [C] becomes rows of C. Within a row each input either moves with the lanes or stands still.
#include "kernels/binary/binary.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

struct Axis {
  int64_t length, a, b;  ///< strides of a and b
};

struct Axes {
  Axis axis[6];
  int count = 0;
  int64_t outer = 1;  ///< elements over all but the last
  Axis inner{1, 0, 0};

  explicit Axes(const BinaryDims& d) {
    for (int i = 0; i < d.rank; ++i) {
      const Axis next{d.shape[i], d.stride_a[i], d.stride_b[i]};
      if (next.length == 1) continue;
      if (count > 0) {
        Axis& last = axis[count - 1];
        if (last.a == next.length * next.a && last.b == next.length * next.b) {
          last = {last.length * next.length, next.a, next.b};
          continue;
        }
      }
      axis[count++] = next;
    }
    if (count > 0) inner = axis[--count];
    for (int i = 0; i < count; ++i) outer *= axis[i].length;
  }
};

struct Offsets {
  int64_t a, b;
};

LIMBIC_INLINE Offsets offsets_of(const Axes& axes, int64_t row) {
  Offsets at{0, 0};
  for (int i = axes.count - 1; i >= 0; --i) {
    const int64_t k = row % axes.axis[i].length;
    row /= axes.axis[i].length;
    at.a += k * axes.axis[i].a, at.b += k * axes.axis[i].b;
  }
  return at;
}

/// The vector at p + i of an input that moves (stride 1) or stands still (stride 0).
template <class At>
[[gnu::always_inline]] inline f32x16 fetch(const float* p, int64_t stride, int64_t i, At at) {
  return stride ? at.get(p + i) : broadcast(*p);
}

/// y = f(a, b) for all of y; long rows are cut, short ones grouped.
template <class F>
void map(const Axes& axes, const float* a, const float* b, float* y, const F& f) {
  const int64_t length = axes.inner.length;
  if (length == 0) return;
  const int64_t pieces = ceil_div(length, task_elements);
  for_each_row(axes.outer * pieces, smaller(length, task_elements), [&](int64_t task) {
    const int64_t row = task / pieces, begin = task % pieces * task_elements;
    const Offsets from = offsets_of(axes, row);
    const float *pa = a ? a + from.a : nullptr, *pb = b ? b + from.b : nullptr;
    float* out = y + row * length;
    vectors_of(begin, smaller(length, begin + task_elements), [&](int64_t i, auto at) {
      at.put(out + i, f(fetch(pa, axes.inner.a, i, at), fetch(pb, axes.inner.b, i, at)));
    });
  });
}

/// d/da and d/db of one element, times g.
enum class Side { a, b };
LIMBIC_INLINE f32x16 gradient(Binary kind, Side side, f32x16 a, f32x16 b, f32x16 g) {
  switch (kind) {
    case Binary::add:
      return g;
    case Binary::sub:
      return side == Side::a ? g : -g;
    case Binary::mul:
      return g * (side == Side::a ? b : a);
    case Binary::div:
      return side == Side::a ? g / b : -(g * a) / (b * b);
    case Binary::max: {
      const f32x16 mine = side == Side::a ? a : b, other = side == Side::a ? b : a;
      return select(mine == other, g * broadcast(0.5f), select(mine > other, g, zero()));
    }
  }
  return g;
}

/// One side's gradient: the sum of gradient() over the axes along which that input was broadcast.
class Reducer {
 public:
  Reducer(const BinaryDims& d, const Axes& axes, Side side, const float* a, const float* b, const float* dy, float* out)
      : kind_(d.kind), axes_(axes), side_(side), a_(a), b_(b), dy_(dy), out_(out) {
    int64_t row_stride = axes.inner.length;
    for (int i = axes.count - 1; i >= 0; --i) {
      const Axis& axis = axes.axis[i];
      if (mine(axis)) {
        kept_[kept_count_++] = {axis, row_stride};
      } else {
        summed_[summed_count_++] = {axis, row_stride};
        summed_rows_ *= axis.length;
      }
      row_stride *= axis.length;
    }
    for (int i = 0; i < kept_count_; ++i) kept_rows_ *= kept_[i].axis.length;
  }

  void run() const {
    if (mine(axes_.inner)) {
      columns();
    } else {
      rows();
    }
  }

 private:
  struct Walked {
    Axis axis;
    int64_t dy;  ///< stride of dy
  };
  struct Place {
    int64_t a, b, dy;
  };

  int64_t mine(const Axis& axis) const { return side_ == Side::a ? axis.a : axis.b; }

  static Place step(const Walked* axes, int count, int64_t index, Place from) {
    for (int i = 0; i < count; ++i) {
      const int64_t k = index % axes[i].axis.length;
      index /= axes[i].axis.length;
      from.a += k * axes[i].axis.a, from.b += k * axes[i].axis.b, from.dy += k * axes[i].dy;
    }
    return from;
  }

  template <class At>
  [[gnu::always_inline]] f32x16 term(Place p, int64_t i, At at) const {
    const bool values = kind_ != Binary::add && kind_ != Binary::sub;  // else a and b may be null
    const f32x16 a = values ? fetch(a_ + p.a, axes_.inner.a, i, at) : zero();
    const f32x16 b = values ? fetch(b_ + p.b, axes_.inner.b, i, at) : zero();
    return gradient(kind_, side_, a, b, at.get(dy_ + p.dy + i));
  }

  /// This input moves along the last axis: lanes are its elements; 64 terms in f32, then in double.
  void columns() const {
    const int64_t length = axes_.inner.length, pieces = ceil_div(length, lanes);
    for_each_row(kept_rows_ * pieces, lanes * summed_rows_, [&](int64_t task) {
      const Place start = step(kept_, kept_count_, task / pieces, {0, 0, 0});
      const int64_t begin = task % pieces * lanes;
      vectors_of(begin, smaller(length, begin + lanes), [&](int64_t i, auto at) {
        float part[lanes], result[lanes];
        double total[lanes] = {};
        for (int64_t k = 0; k < summed_rows_; k += 64) {
          f32x16 terms = zero();
          for (int64_t r = k; r < smaller(summed_rows_, k + 64); ++r) {
            terms = terms + term(step(summed_, summed_count_, r, start), i, at);
          }
          store(part, terms);
          for (int lane = 0; lane < lanes; ++lane) total[lane] += part[lane];
        }
        for (int lane = 0; lane < lanes; ++lane) result[lane] = static_cast<float>(total[lane]);
        at.put(out_ + (side_ == Side::a ? start.a : start.b) + i, load(result));
      });
    });
  }

  /// This input stands still along the last axis: each of its elements is a sum over rows, 4096 terms in f32 lanes and
  /// a fixed tree, then in double.
  void rows() const {
    const int64_t length = axes_.inner.length;
    for_each_row(kept_rows_, length * summed_rows_, [&](int64_t task) {
      const Place start = step(kept_, kept_count_, task, {0, 0, 0});
      double total = 0;
      for (int64_t r = 0; r < summed_rows_; ++r) {
        const Place p = step(summed_, summed_count_, r, start);
        for (int64_t begin = 0; begin < length; begin += 4096) {
          f32x16 terms = zero();
          vectors_of(begin, smaller(length, begin + 4096),
                     [&](int64_t i, auto at) { terms = terms + at.keep(term(p, i, at), zero()); });
          total += sum(terms);
        }
      }
      out_[side_ == Side::a ? start.a : start.b] = static_cast<float>(total);
    });
  }

  Binary kind_;
  const Axes& axes_;
  Side side_;
  const float *a_, *b_, *dy_;
  float* out_;
  Walked kept_[6], summed_[6];  // the last axis is in neither
  int kept_count_ = 0, summed_count_ = 0;
  int64_t kept_rows_ = 1, summed_rows_ = 1;
};

}  // namespace

void binary_fwd_cpu_vector(const BinaryDims& d, const float* a, const float* b, float* y, Stream) {
  const Axes axes(d);
  switch (d.kind) {
    case Binary::add:
      return map(axes, a, b, y, [](f32x16 u, f32x16 v) { return u + v; });
    case Binary::sub:
      return map(axes, a, b, y, [](f32x16 u, f32x16 v) { return u - v; });
    case Binary::mul:
      return map(axes, a, b, y, [](f32x16 u, f32x16 v) { return u * v; });
    case Binary::div:
      return map(axes, a, b, y, [](f32x16 u, f32x16 v) { return u / v; });
    case Binary::max:
      return map(axes, a, b, y, [](f32x16 u, f32x16 v) { return select((u > v) | is_nan(u), u, v); });
  }
}

void binary_bwd_cpu_vector(const BinaryDims& d, const float* a, const float* b, const float* dy, float* da, float* db,
                           Stream) {
  const Axes axes(d);
  if (da) Reducer(d, axes, Side::a, a, b, dy, da).run();
  if (db) Reducer(d, axes, Side::b, a, b, dy, db).run();
}

}  // namespace limbic::LIMBIC_ISA
