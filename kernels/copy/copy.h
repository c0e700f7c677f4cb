// SPDX-License-Identifier: Apache-2.0
// A strided copy: permute, slice, pad (into zeros), concat (one call a part), and their gradients.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

struct CopyDims {
  int rank;                              ///< 0 to 6
  int64_t shape[6];                      ///< the box that is copied
  int64_t src_stride[6], dst_stride[6];  ///< in elements, may be 0 (src) or negative
  int64_t src_offset, dst_offset;        ///< where the box begins
  bool accumulate = false;               ///< dst += src instead of dst = src
};

/// The destinations of different elements are different, and src and dst do not overlap.
template <class T>  // float or bf16: how src and dst are stored
using CopyOf = void(const CopyDims&, const T* src, T* dst, Stream);
using Copy = CopyOf<float>;

std::span<const Rung<CopyDims, Copy>> copy_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<CopyDims, CopyOf<bf16>>> copy_fwd_rungs(StoredAs<bf16>);

}  // namespace limbic
