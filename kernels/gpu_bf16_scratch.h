// SPDX-License-Identifier: Apache-2.0
// Operands as bulk copies want them: of bf16, from a multiple of 16 bytes on, in rows of a multiple of 16.
#pragma once
#include "kernels/gpu_storage.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int rounding_threads = 256, rounding_each = 4;

/// to[rows, padded] = from[rows, n] and zeros, eight elements at a time; padded is n, rounded up to a multiple of 8.
template <bool vector, class T>
__global__ void rows_to_bf16(int64_t rows, int n, const T* from, Stored<bf16, 8>* to) {
  const int eights = (n + 7) / 8;
#pragma unroll
  for (int each = 0; each < rounding_each; ++each) {
    const int64_t i = (int64_t{blockIdx.x} * rounding_each + each) * rounding_threads + threadIdx.x;
    if (i >= rows * eights) return;
    const int first = static_cast<int>(i % eights) * 8;
    const T* const own = from + i / eights * n + first;
    Stored<bf16, 8> rounded;
#pragma unroll
    for (int half = 0; half < 8; half += 4) {
      Floats<4> v;
      if constexpr (vector) {
        v = load<4>(own + half, 0);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) v.of[j] = first + half + j < n ? as_float(own[half + j]) : 0.0f;
      }
#pragma unroll
      for (int j = 0; j < 4; ++j) rounded.of[half + j] = stored_as<bf16>(v.of[j]);
    }
    to[i] = rounded;
  }
}

/// Such matrices in scratch memory, one behind the other, each from a multiple of 128 bytes on.
class Bf16Scratch {
 public:
  Bf16Scratch(float* scratch, Stream stream)
      : at_(reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 127) / 128 * 128)), stream_(stream) {}

  static int padded(int n) { return (n + 7) / 8 * 8; }
  /// Scratch floats for two matrices, wherever scratch begins.
  static size_t floats(int64_t rows_a, int n_a, int64_t rows_b, int n_b) {
    return floats(rows_a, n_a) + floats(rows_b, n_b) + 32;
  }

  /// A matrix [rows, n]: itself where it lies as it should, else a copy.
  template <class T>
  const uint16_t* add(int64_t rows, int n, const T* from) {
    const bool aligned = n % 8 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0;
    if constexpr (sizeof(T) == 2) {
      if (aligned) return reinterpret_cast<const uint16_t*>(from);
    }
    Stored<bf16, 8>* const to = reinterpret_cast<Stored<bf16, 8>*>(at_);
    const Grid grid{.blocks = blocks_for(rows * (padded(n) / 8), rounding_threads * rounding_each),
                    .threads = rounding_threads,
                    .stream = stream_};
    if (aligned) {
      LAUNCH((rows_to_bf16<true, T>), grid, rows, n, from, to);
    } else {
      LAUNCH((rows_to_bf16<false, T>), grid, rows, n, from, to);
    }
    at_ += floats(rows, n) * sizeof(float);
    return reinterpret_cast<const uint16_t*>(to);
  }
  float* rest() const { return reinterpret_cast<float*>(at_); }

 private:
  static size_t floats(int64_t rows, int n) { return static_cast<size_t>((rows * padded(n) + 63) / 64 * 32); }

  char* at_;
  Stream stream_;
};

}  // namespace limbic::LIMBIC_DEVICE
