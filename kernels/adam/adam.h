// SPDX-License-Identifier: Apache-2.0
// One step of Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) or AMSGrad (Reddi et al. 2018), in
// PyTorch's order of operations.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/rung.h"

namespace limbic {

struct AdamConstants;

struct AdamDims {
  int64_t n;
  // double: 1 - beta2 of a float 0.999 would be wrong in the fifth digit
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;        ///< AdamW: decay scales w; else it is added to the gradient
  bool amsgrad;          ///< the denominator is the largest v so far
  int64_t step;          ///< counts from 1
  float grad_scale = 1;  ///< multiplies g: clipping, or the mean over micro-batches
  const AdamConstants* of_step = nullptr;  ///< CUDA: device memory with what counts instead (engine/step_graph.h)
};

/// Updates w, m, v and, with amsgrad, vmax (null otherwise). m, v, vmax begin as zeros.
using AdamStep = void(const AdamDims&, float* w, const float* g, float* m, float* v, float* vmax, Stream);

/// One tensor of many.
struct AdamTensor {
  int64_t n;
  float* w;
  const float* g;
  float *m, *v, *vmax;
};

/// The same step of `count` tensors, with the bits of a step of each. dims.n is their sum.
using AdamMany = void(const AdamDims&, const AdamTensor* tensors, int count, Stream);

/// beta^step by repeated squaring: libm's pow differs between machines.
[[gnu::always_inline]] inline double power(double beta, int64_t step) {
  double result = 1;
  for (; step > 0; step >>= 1, beta *= beta) {
    if (step & 1) result *= beta;
  }
  return result;
}

/// What a step's weights share.
struct AdamConstants {
  float grad_scale, decay, keep, step_size, root2, eps, one_minus_beta1, beta2, one_minus_beta2;
  bool decoupled;
  AdamConstants() = default;
  explicit AdamConstants(const AdamDims& d)
      : grad_scale(d.grad_scale),
        decay(static_cast<float>(d.weight_decay)),
        keep(static_cast<float>(1 - d.lr * d.weight_decay)),
        step_size(static_cast<float>(d.lr / (1 - power(d.beta1, d.step)))),
        root2(static_cast<float>(std::sqrt(1 - power(d.beta2, d.step)))),
        eps(static_cast<float>(d.eps)),
        one_minus_beta1(static_cast<float>(1 - d.beta1)),
        beta2(static_cast<float>(d.beta2)),
        one_minus_beta2(static_cast<float>(1 - d.beta2)),
        decoupled(d.decoupled) {}
};

std::span<const Rung<AdamDims, AdamStep>> adam_step_rungs();
std::span<const Rung<AdamDims, AdamMany>> adam_many_rungs();

}  // namespace limbic
