// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul/matmul_cpu.h"

namespace limbic {

size_t matmul_scratch_cpu_packed(const MatmulDims& d) {
  const size_t depth = static_cast<size_t>(d.K), a = static_cast<size_t>(d.M) * (depth + 16);
  return d.batch * (static_cast<size_t>((d.N + 15) / 16) * 16 * depth + a);
}

}  // namespace limbic
