// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/matmul/matmul.h"

namespace limbic {

// cpu_packed: B packed into panels of 16 columns, register tiles of rows x 32 columns.
size_t matmul_scratch_cpu_packed(const MatmulDims&);
LIMBIC_EACH_ISA(void matmul_fwd_cpu_packed(const MatmulDims&, const float* a, const float* b, const float* bias,
                                           float* c, float* scratch, Stream);)

}  // namespace limbic
