// SPDX-License-Identifier: Apache-2.0
// Element-wise work in 16-byte pieces: the vectors first, then what is left, one element each.
#pragma once
#include <cstdint>

#include "kernels/gpu.h"

namespace limbic::LIMBIC_DEVICE {

struct Pieces {
  int64_t vectors;  ///< of 4 floats
  int64_t all;      ///< vectors, then single elements
};

/// Do all of these stand where 16 bytes can be moved at once?
template <class... Pointers>
bool aligned_for_vectors(Pointers... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

/// The pieces of n floats; where a pointer is not aligned to 16 bytes, single elements only.
template <class... Pointers>
Pieces pieces_of(int64_t n, Pointers... pointers) {
  const int64_t vectors = aligned_for_vectors(pointers...) ? n / 4 : 0;
  return {vectors, vectors + n - 4 * vectors};
}

/// Piece `i`: vector(i) or single(index of the element).
template <class Vector, class Single>
__device__ void for_piece(const Pieces& pieces, int64_t i, const Vector& vector, const Single& single) {
  if (i < pieces.vectors) {
    vector(i);
  } else if (i < pieces.all) {
    single(i + 3 * pieces.vectors);
  }
}

}  // namespace limbic::LIMBIC_DEVICE
