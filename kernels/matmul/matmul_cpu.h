// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "kernels/matmul/matmul.h"

namespace limbic {

// cpu_packed: slices of B packed by 16 columns, register tiles of rows x 32 columns.
bool matmul_copies_a_cpu_packed(const MatmulDims&);
size_t matmul_scratch_cpu_packed(const MatmulDims&);
LIMBIC_EACH_ISA(void matmul_fwd_cpu_packed(const MatmulDims&, const float* a, const float* b, const float* bias,
                                           float* c, float* scratch, Stream);)

}  // namespace limbic
