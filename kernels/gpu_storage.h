// SPDX-License-Identifier: Apache-2.0
// Kernels that read and write maps of T = float or bf16, and compute in float.
#pragma once
#include "kernels/bf16.h"
#include "kernels/gpu_bf16.h"

namespace limbic::LIMBIC_DEVICE {

__device__ inline float as_float(float x) { return x; }
__device__ inline float as_float(bf16 x) { return __uint_as_float(uint32_t{x.bits} << 16); }

template <class T>
__device__ T stored_as(float x) {
  if constexpr (sizeof(T) == 2) {
    return {to_bf16(x)};
  } else {
    return x;
  }
}

template <int n>
struct Floats {
  float of[n];
};
template <class T, int n>
struct alignas(n * sizeof(T)) Stored {
  T of[n];
};

/// Elements n*i ... n*i + n - 1 in one request; x is aligned to n elements.
template <int n, class T>
__device__ Floats<n> load(const T* x, int64_t i) {
  if constexpr (n == 4 && sizeof(T) == 4) {
    const float4 v = reinterpret_cast<const float4*>(x)[i];
    return {v.x, v.y, v.z, v.w};
  } else {
    const Stored<T, n> stored = reinterpret_cast<const Stored<T, n>*>(x)[i];
    Floats<n> values;
#pragma unroll
    for (int j = 0; j < n; ++j) values.of[j] = as_float(stored.of[j]);
    return values;
  }
}

template <int n, class T>
__device__ void store(T* y, int64_t i, const Floats<n>& values) {
  if constexpr (n == 4 && sizeof(T) == 4) {
    reinterpret_cast<float4*>(y)[i] = make_float4(values.of[0], values.of[1], values.of[2], values.of[3]);
  } else {
    Stored<T, n> stored;
#pragma unroll
    for (int j = 0; j < n; ++j) stored.of[j] = stored_as<T>(values.of[j]);
    reinterpret_cast<Stored<T, n>*>(y)[i] = stored;
  }
}

}  // namespace limbic::LIMBIC_DEVICE
