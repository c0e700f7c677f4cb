// SPDX-License-Identifier: Apache-2.0
#include "kernels/lstm/lstm_cpu.h"

namespace limbic {

// Panels of 16 units each: [units / 16][4D][16].
size_t lstm_fwd_scratch_cpu_packed(const LstmDims& d) { return (size_t(d.D) + 15) / 16 * 16 * 4 * size_t(d.D); }

// And the gradient of each sequence's cell.
size_t lstm_bwd_scratch_cpu_packed(const LstmDims& d) {
  return lstm_fwd_scratch_cpu_packed(d) + size_t(d.N) * size_t(d.D);
}

}  // namespace limbic
