// SPDX-License-Identifier: Apache-2.0
// The axes are sorted by the destination's strides and merged where both sides walk on in one stride. What is left is
// rows of neighbours (slice, pad, concat, most permutes of NHWC), or a transposition, done in squares that fit the
// cache.
#include "kernels/copy/copy.h"
#include "kernels/vector_loop.h"

namespace limbic::LIMBIC_ISA {
namespace {

struct Axis {
  int64_t length, src, dst;
};

LIMBIC_INLINE int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

struct Box {
  Axis axis[6];
  int count = 0;
  bool empty = false;

  explicit Box(const CopyDims& d) {
    Axis sorted[6];
    int n = 0;
    for (int i = 0; i < d.rank; ++i) {
      const Axis next{d.shape[i], d.src_stride[i], d.dst_stride[i]};
      empty |= next.length == 0;
      if (next.length == 1) continue;
      int at = n++;
      for (; at > 0 && magnitude(sorted[at - 1].dst) < magnitude(next.dst); --at) sorted[at] = sorted[at - 1];
      sorted[at] = next;
    }
    for (int i = 0; i < n; ++i) {
      if (count > 0) {
        Axis& last = axis[count - 1];
        if (last.src == sorted[i].length * sorted[i].src && last.dst == sorted[i].length * sorted[i].dst) {
          last = {last.length * sorted[i].length, sorted[i].src, sorted[i].dst};
          continue;
        }
      }
      axis[count++] = sorted[i];
    }
  }
};

struct Place {
  int64_t src, dst;
};

/// The beginning of row `index` over `count` axes.
LIMBIC_INLINE Place place(const Axis* axes, int count, int64_t index, Place from) {
  for (int i = count - 1; i >= 0; --i) {
    const int64_t k = index % axes[i].length;
    index /= axes[i].length;
    from.src += k * axes[i].src, from.dst += k * axes[i].dst;
  }
  return from;
}

template <class T>
[[gnu::always_inline]] inline T sum_of(T a, T b) {
  return stored_as<T>(widen(a) + widen(b));
}

template <class T>
void copy_rows(const Box& box, const CopyDims& d, const T* src, T* dst) {
  const Axis inner = box.count > 0 ? box.axis[box.count - 1] : Axis{1, 1, 1};
  const int outer_count = box.count > 0 ? box.count - 1 : 0;
  int64_t rows = 1;
  for (int i = 0; i < outer_count; ++i) rows *= box.axis[i].length;
  const int64_t pieces = ceil_div(inner.length, task_elements);
  for_each_row(rows * pieces, smaller(inner.length, task_elements), [&](int64_t task) {
    const Place at = place(box.axis, outer_count, task / pieces, {d.src_offset, d.dst_offset});
    const int64_t begin = task % pieces * task_elements, end = smaller(inner.length, begin + task_elements);
    const T* from = src + at.src;
    T* to = dst + at.dst;
    if (inner.src == 1 && inner.dst == 1) {
      vectors_of(begin, end, [&](int64_t i, auto lane) {
        lane.put(to + i, d.accumulate ? lane.get(to + i) + lane.get(from + i) : lane.get(from + i));
      });
    } else {
      for (int64_t i = begin; i < end; ++i) {
        T& out = to[i * inner.dst];
        out = d.accumulate ? sum_of(out, from[i * inner.src]) : from[i * inner.src];
      }
    }
  });
}

/// The last axis is contiguous in dst, axis `across` in src: squares of 32 x 32 touch 32 lines on either side.
template <class T>
void copy_transposed(const Box& box, int across, const CopyDims& d, const T* src, T* dst) {
  constexpr int64_t side = 32;
  const Axis wide = box.axis[box.count - 1], tall = box.axis[across];
  Axis others[6];
  int count = 0;
  int64_t rest = 1;
  for (int i = 0; i < box.count - 1; ++i) {
    if (i == across) continue;
    others[count++] = box.axis[i];
    rest *= box.axis[i].length;
  }
  const int64_t bands = ceil_div(tall.length, side);
  for_each_row(rest * bands, side * wide.length, [&](int64_t task) {
    const Place at = place(others, count, task / bands, {d.src_offset, d.dst_offset});
    const int64_t top = task % bands * side, bottom = smaller(tall.length, top + side);
    for (int64_t left = 0; left < wide.length; left += side) {
      const int64_t right = smaller(wide.length, left + side);
      for (int64_t t = top; t < bottom; ++t) {
        const T* from = src + at.src + t * tall.src;
        T* to = dst + at.dst + t * tall.dst;
        for (int64_t w = left; w < right; ++w) {
          to[w] = d.accumulate ? sum_of(to[w], from[w * wide.src]) : from[w * wide.src];
        }
      }
    }
  });
}

template <class T>
void forward(const CopyDims& d, const T* src, T* dst) {
  const Box box(d);
  if (box.empty) return;
  if (box.count > 1 && box.axis[box.count - 1].dst == 1 && magnitude(box.axis[box.count - 1].src) > 1) {
    for (int i = 0; i < box.count - 1; ++i) {
      if (box.axis[i].src == 1) return copy_transposed(box, i, d, src, dst);
    }
  }
  copy_rows(box, d, src, dst);
}

}  // namespace

void copy_fwd_cpu_vector(const CopyDims& d, const float* src, float* dst, Stream) { forward(d, src, dst); }
void copy_fwd_cpu_vector(const CopyDims& d, const bf16* src, bf16* dst, Stream) { forward(d, src, dst); }

}  // namespace limbic::LIMBIC_ISA
