// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/binary/binary.h"

namespace limbic {

/// Calls body(i, offset_a, offset_b) for every element i of y, in order.
template <class Body>
void for_each_broadcast(const BinaryDims& d, const Body& body) {
  int64_t size = 1;
  for (int axis = 0; axis < d.rank; ++axis) size *= d.shape[axis];
  for (int64_t i = 0; i < size; ++i) {
    int64_t rest = i, a = 0, b = 0;
    for (int axis = d.rank - 1; axis >= 0; --axis) {
      const int64_t at = rest % d.shape[axis];
      rest /= d.shape[axis];
      a += at * d.stride_a[axis], b += at * d.stride_b[axis];
    }
    body(i, a, b);
  }
}

template <class T>
void binary_fwd_v0_reference(const BinaryDims& d, const T* a, const T* b, T* y, Stream) {
  const auto map = [&](auto f) {
    for_each_broadcast(d, [&](int64_t i, int64_t ia, int64_t ib) { y[i] = f(a[ia], b[ib]); });
  };
  switch (d.kind) {
    case Binary::add:
      return map([](T u, T v) { return u + v; });
    case Binary::sub:
      return map([](T u, T v) { return u - v; });
    case Binary::mul:
      return map([](T u, T v) { return u * v; });
    case Binary::div:
      return map([](T u, T v) { return u / v; });
    case Binary::max:
      return map([](T u, T v) { return u > v || u != u ? u : v; });
  }
}

/// Elements of an input: the axes with stride 0 do not count.
inline int64_t broadcast_size(const BinaryDims& d, const int64_t* stride) {
  int64_t size = 1;
  for (int axis = 0; axis < d.rank; ++axis) size *= stride[axis] ? d.shape[axis] : 1;
  return size;
}

template <class T>
void binary_bwd_v0_reference(const BinaryDims& d, const T* a, const T* b, const T* dy, T* da, T* db, Stream) {
  for (int64_t i = 0; da && i < broadcast_size(d, d.stride_a); ++i) da[i] = 0;
  for (int64_t i = 0; db && i < broadcast_size(d, d.stride_b); ++i) db[i] = 0;
  for_each_broadcast(d, [&](int64_t i, int64_t ia, int64_t ib) {
    T ga = dy[i], gb = dy[i];
    switch (d.kind) {
      case Binary::add:
        break;
      case Binary::sub:
        gb = -dy[i];
        break;
      case Binary::mul:
        ga = dy[i] * b[ib], gb = dy[i] * a[ia];
        break;
      case Binary::div:
        ga = dy[i] / b[ib], gb = -dy[i] * a[ia] / (b[ib] * b[ib]);
        break;
      case Binary::max: {
        const T share = a[ia] == b[ib] ? T(0.5) : a[ia] > b[ib] ? T(1) : T(0);
        ga = dy[i] * share, gb = dy[i] * (1 - share);
        break;
      }
    }
    if (da) da[ia] += ga;
    if (db) db[ib] += gb;
  });
}

}  // namespace limbic
