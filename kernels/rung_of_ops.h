// SPDX-License-Identifier: Apache-2.0
// For a rung that launches rungs of other passes: which ones, and arrays between them in its scratch.
#pragma once
#include <cstdint>

#include "kernels/rung.h"

namespace limbic {

/// A rung on its dims; `rung` null: none serves them.
template <class Dims, class Fn>
struct Chosen {
  Dims d;
  const Rung<Dims, Fn>* rung;

  Chosen(std::span<const Rung<Dims, Fn>> rungs, Pass pass, const Dims& dims, Device device)
      : d(dims), rung(pick(rungs, pass, dims, device)) {}
  size_t scratch() const { return rung->scratch ? rung->scratch(d) : 0; }
  template <class... Args>
  void operator()(Args... args) const {
    rung->run[static_cast<int>(active_isa())](d, args...);
  }
};

/// Floats of one array of n in scratch, so that the next begins as well aligned.
inline size_t room(int64_t n) { return static_cast<size_t>((n + 63) / 64 * 64); }

}  // namespace limbic
