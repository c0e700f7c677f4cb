// SPDX-License-Identifier: Apache-2.0
// A running mean: batch norm's statistics, which must not come to the host in the middle of a step.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct MovingAverageDims {
  int64_t n;
  float rate;        ///< the share of the new numbers
  float factor = 1;  ///< multiplies them first
};

/// running = (1 - rate) running + rate (factor x)
using MovingAverage = void(const MovingAverageDims&, const float* x /*[n]*/, float* running /*[n]*/, Stream);

std::span<const Rung<MovingAverageDims, MovingAverage>> moving_average_step_rungs();

}  // namespace limbic
