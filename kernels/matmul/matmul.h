// SPDX-License-Identifier: Apache-2.0
// C = op(A) op(B) + bias, row-major, batched.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct MatmulDims {
  int M, N, K;
  bool trans_a = false, trans_b = false;
  int batch = 1;  ///< matrices of each kind, one behind the other
};

/// Every element is a sum over k in an order that K alone decides: it does not depend on M, N or batch.
using Matmul = void(const MatmulDims&, const float* a /*[batch, M,K], trans_a: [batch, K,M]*/,
                    const float* b /*[batch, K,N], trans_b: [batch, N,K]*/, const float* bias /*[N] or null*/,
                    float* c /*[batch, M,N]*/, float* scratch, Stream);

std::span<const Rung<MatmulDims, Matmul>> matmul_fwd_rungs();

}  // namespace limbic
