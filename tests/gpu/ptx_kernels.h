// SPDX-License-Identifier: Apache-2.0
// Each wrapper of kernels/ptx.h on inputs whose results are exact, so that a GPU must give the emulator's very bits.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/gpu_runtime.h"

namespace limbic::test {

struct PtxCase {
  const char* name;
  int words;  ///< that each of the 32 lanes writes
  void (*run)(uint32_t* out /*[words,32]*/, uint32_t* work /*[8192]*/, Stream);
};

}  // namespace limbic::test

namespace limbic {
LIMBIC_EACH_DEVICE(std::span<const test::PtxCase> ptx_cases();
                   std::span<const test::PtxCase> ptx_sm90a_cases();)
}
