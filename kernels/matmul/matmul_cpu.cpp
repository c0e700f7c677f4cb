// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul/matmul_cpu.h"

namespace limbic {

// Rows whose length is a multiple of 1 KiB share a few cache sets: a tile of them would evict itself.
bool matmul_copies_a_cpu_packed(const MatmulDims& d) { return d.trans_a || (d.K % 256 == 0 && d.M > 4); }

size_t matmul_scratch_cpu_packed(const MatmulDims& d) {
  return matmul_copies_a_cpu_packed(d) ? size_t(d.batch) * d.M * (size_t(d.K) + 16) : 0;
}

}  // namespace limbic
