// SPDX-License-Identifier: Apache-2.0
// Dropout: element i is kept where uniform i of (seed, stream) is at least p, and is then scaled by 1 / (1 - p).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/bf16.h"
#include "kernels/rung.h"

namespace limbic {

struct DropoutDims {
  int64_t n;
  float p;                                   ///< the chance of being dropped, 0 to 1
  uint64_t seed, stream;                     ///< of kernels/philox.h
  const uint64_t* stream_of_step = nullptr;  ///< CUDA: device memory that has the stream instead (engine/step_graph.h)
};

/// Forward on x, and backward on dy with the same dims: the mask is drawn again, never stored. y may be x.
template <class T>  // float or bf16: how x and y are stored
using DropoutForwardOf = void(const DropoutDims&, const T* x, T* y, Stream);
using DropoutForward = DropoutForwardOf<float>;

std::span<const Rung<DropoutDims, DropoutForward>> dropout_fwd_rungs(StoredAs<float> = {});
std::span<const Rung<DropoutDims, DropoutForwardOf<bf16>>> dropout_fwd_rungs(StoredAs<bf16>);

}  // namespace limbic
