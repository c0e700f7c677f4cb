// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/dropout/dropout.h"
#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

/// The stream of this launch, or where a step is replayed, of this replay.
template <class Dims>
__device__ inline uint64_t dropout_stream(const Dims& d) {
  return d.stream_of_step ? *d.stream_of_step : d.stream;
}

}  // namespace limbic::LIMBIC_DEVICE
