// SPDX-License-Identifier: Apache-2.0
// A strided copy: permute, slice, pad (into zeros), concat (one call a part), and their gradients.
#pragma once
#include <cstdint>
#include <span>

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
using Copy = void(const CopyDims&, const float* src, float* dst, Stream);

std::span<const Rung<CopyDims, Copy>> copy_fwd_rungs();

}  // namespace limbic
