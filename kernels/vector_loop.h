// SPDX-License-Identifier: Apache-2.0
// Loops over long arrays, 16 lanes at a time, tasks cut by length alone. A body is written once, for a whole vector and
// for the part that is left at the end:
//   for_each_vector(n, [=](int64_t i, auto at) { at.put(y + i, max(at.get(x + i), zero())); });
#pragma once
#include "kernels/counts.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace limbic::LIMBIC_ISA {

/// All 16 lanes.
struct Whole {
  [[gnu::always_inline]] f32x16 get(const float* p) const { return load(p); }
  [[gnu::always_inline]] f32x16 get(const bf16* p) const { return load(p); }
  [[gnu::always_inline]] i32x16 get(const int32_t* p) const { return load(p); }
  [[gnu::always_inline]] void put(float* p, f32x16 a) const { store(p, a); }
  [[gnu::always_inline]] void put(bf16* p, f32x16 a) const { store(p, a); }
  [[gnu::always_inline]] void put(int32_t* p, i32x16 a) const { store(p, a); }
  [[gnu::always_inline]] f32x16 keep(f32x16 a, f32x16) const { return a; }
};

/// The lanes of a mask: others read as 0 and are not written.
struct Part {
  mask16 mask;
  [[gnu::always_inline]] f32x16 get(const float* p) const { return load(p, mask); }
  [[gnu::always_inline]] f32x16 get(const bf16* p) const { return load(p, mask); }
  [[gnu::always_inline]] i32x16 get(const int32_t* p) const { return load(p, mask); }
  [[gnu::always_inline]] void put(float* p, f32x16 a) const { store(p, a, mask); }
  [[gnu::always_inline]] void put(bf16* p, f32x16 a) const { store(p, a, mask); }
  [[gnu::always_inline]] void put(int32_t* p, i32x16 a) const { store(p, a, mask); }
  [[gnu::always_inline]] f32x16 keep(f32x16 a, f32x16 otherwise) const { return select(mask, a, otherwise); }
};

constexpr int64_t task_elements = 16384;  ///< 64 KiB of one f32 array

/// body(i, at) for i = begin, begin + 16, ... below end.
template <class Body>
[[gnu::always_inline]] inline void vectors_of(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) body(i, Whole{});
  if (i < end) body(i, Part{first(static_cast<int>(end - i))});
}

/// The same over 0..n, in parallel tasks.
template <class Body>
[[gnu::always_inline]] inline void for_each_vector(int64_t n, const Body& body) {
  parallel_for(ceil_div(n, task_elements),
               [&](int64_t task) { vectors_of(task * task_elements, smaller(n, (task + 1) * task_elements), body); });
}

/// Calls body(row) for rows of `length` elements each, in tasks of about task_elements.
template <class Body>
[[gnu::always_inline]] inline void for_each_row(int64_t rows, int64_t length, const Body& body) {
  const int64_t group = larger(1, task_elements / larger(1, length));
  parallel_for(ceil_div(rows, group), [&](int64_t task) {
    for (int64_t row = task * group; row < smaller(rows, (task + 1) * group); ++row) body(row);
  });
}

}  // namespace limbic::LIMBIC_ISA
