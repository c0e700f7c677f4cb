// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/copy/copy.h"

namespace limbic {

template <class T>
void copy_fwd_v0_reference(const CopyDims& d, const T* src, T* dst, Stream) {
  int64_t size = 1;
  for (int axis = 0; axis < d.rank; ++axis) size *= d.shape[axis];
  for (int64_t i = 0; i < size; ++i) {
    int64_t rest = i, from = d.src_offset, to = d.dst_offset;
    for (int axis = d.rank - 1; axis >= 0; --axis) {
      const int64_t at = rest % d.shape[axis];
      rest /= d.shape[axis];
      from += at * d.src_stride[axis], to += at * d.dst_stride[axis];
    }
    dst[to] = d.accumulate ? stored_as<T>(widen(dst[to]) + widen(src[from])) : src[from];
  }
}

}  // namespace limbic
