// SPDX-License-Identifier: Apache-2.0
// CUDA's names, as far as our kernels use them, with a meaning on the host. Kernels include kernels/gpu.h, not this.
#pragma once
#include <math.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/emu/graph.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/scheduler.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

namespace limbic::emu {

using std::max;
using std::min;

#ifdef LIMBIC_EMU_COUNTED
/// Moves a vector as one access: the compiler would count one for each of its members.
void copy_vector(void* to, const void* from, size_t bytes);
#define LIMBIC_COPIED_AS_ONE(vector)                                    \
  vector() = default;                                                   \
  vector(const vector& from) { copy_vector(this, &from, sizeof from); } \
  vector& operator=(const vector& from) {                               \
    copy_vector(this, &from, sizeof from);                              \
    return *this;                                                       \
  }
#else
#define LIMBIC_COPIED_AS_ONE(vector)
#endif

struct alignas(8) float2 {
  float x, y;
  LIMBIC_COPIED_AS_ONE(float2)
};
struct alignas(16) float4 {
  float x, y, z, w;
  LIMBIC_COPIED_AS_ONE(float4)
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
  LIMBIC_COPIED_AS_ONE(uint4)
};
inline float2 make_float2(float x, float y) {
  float2 v;
  v.x = x, v.y = y;
  return v;
}
inline float4 make_float4(float x, float y, float z, float w) {
  float4 v;
  v.x = x, v.y = y, v.z = z, v.w = w;
  return v;
}

// Barriers. The line they stand in tells them apart: one a line.

inline void __syncthreads(Location at = Location::here()) { block_barrier("__syncthreads()", false, at); }
inline int __syncthreads_count(int predicate, Location at = Location::here()) {
  return block_barrier("__syncthreads_count()", predicate != 0, at);
}
inline int __syncthreads_or(int predicate, Location at = Location::here()) {
  return block_barrier("__syncthreads_or()", predicate != 0, at) != 0;
}
inline int __syncthreads_and(int predicate, Location at = Location::here()) {
  return block_barrier("__syncthreads_and()", predicate == 0, at) == 0;
}
inline void __syncwarp(uint32_t mask = 0xffffffffu, Location at = Location::here()) {
  warp_collective({.op = "__syncwarp()", .fence = true}, mask, nullptr, at);
}

// Shuffles and votes. They order no memory: use __syncwarp() for that.

template <class T>
struct Shuffle {
  T value;
  unsigned source;
  bool absent = false;
};

template <class T>
T shuffle(const char* op, uint32_t mask, T value, unsigned source, Location at) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  Shuffle<T> own{value, source};
  const auto exchange = [](void* const* arguments, uint32_t lanes) {
    T brought[32];
    for (unsigned i = 0; i < 32; ++i) {
      if (lanes >> i & 1) brought[i] = static_cast<Shuffle<T>*>(arguments[i])->value;
    }
    for (unsigned i = 0; i < 32; ++i) {
      if (!(lanes >> i & 1)) continue;
      auto& lane = *static_cast<Shuffle<T>*>(arguments[i]);
      lane.absent = !(lanes >> lane.source & 1);
      if (!lane.absent) lane.value = brought[lane.source];
    }
  };
  warp_collective({.op = op, .combine = exchange}, mask, &own, at);
  if (own.absent) {
    throw Error("absent lane", std::string(op) + " reads lane " + std::to_string(source) + ", which takes no part", at);
  }
  return own.value;
}

template <class T>
T __shfl_sync(uint32_t mask, T value, int lane, int width = 32, Location at = Location::here()) {
  const unsigned group = lane_id() & ~static_cast<unsigned>(width - 1);
  return shuffle("__shfl_sync()", mask, value, group | (static_cast<unsigned>(lane) & static_cast<unsigned>(width - 1)),
                 at);
}
template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int bits, int width = 32, Location at = Location::here()) {
  const unsigned own = lane_id(), other = own ^ static_cast<unsigned>(bits);
  return shuffle("__shfl_xor_sync()", mask, value, other <= (own | static_cast<unsigned>(width - 1)) ? other : own, at);
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, unsigned distance, int width = 32, Location at = Location::here()) {
  const unsigned own = lane_id(), other = own + distance;
  return shuffle("__shfl_down_sync()", mask, value, other <= (own | static_cast<unsigned>(width - 1)) ? other : own,
                 at);
}

inline uint32_t __ballot_sync(uint32_t mask, int predicate, Location at = Location::here()) {
  struct Vote {
    bool predicate;
    uint32_t ballot;
  } own{predicate != 0, 0};
  const auto count = [](void* const* arguments, uint32_t lanes) {
    uint32_t ballot = 0;
    for (unsigned i = 0; i < 32; ++i) {
      if (lanes >> i & 1 && static_cast<Vote*>(arguments[i])->predicate) ballot |= 1u << i;
    }
    for (unsigned i = 0; i < 32; ++i) {
      if (lanes >> i & 1) static_cast<Vote*>(arguments[i])->ballot = ballot;
    }
  };
  warp_collective({.op = "__ballot_sync()", .combine = count}, mask, &own, at);
  return own.ballot;
}
inline int __any_sync(uint32_t mask, int predicate, Location at = Location::here()) {
  return __ballot_sync(mask, predicate, at) != 0;
}
inline int __all_sync(uint32_t mask, int predicate, Location at = Location::here()) {
  return __ballot_sync(mask, predicate == 0, at) == 0;
}

// Atomics: relaxed, as on the device. Integers only: sums of floats would depend on the order.

template <class T>
T atomicAdd(T* to, std::type_identity_t<T> value) {
  static_assert(std::is_integral_v<T>, "no float atomics: their result depends on the order");
  return std::atomic_ref<T>(*to).fetch_add(value, std::memory_order_relaxed);
}

// Arithmetic that C++ spells otherwise.

template <class T>
T __ldg(const T* from) {
  return *from;
}
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline void sincospif(float x, float* sine, float* cosine) {
  *sine = static_cast<float>(sin(M_PI * x));
  *cosine = static_cast<float>(cos(M_PI * x));
}
inline float __expf(float x) { return expf(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }

/// A pointer that a kernel is given must be device memory.
template <class T>
void check_argument(const char* kernel, int number, const T& value, Location at) {
  if constexpr (std::is_pointer_v<T>) {
    if (value && !in_device(value, 0)) {
      throw Error("host pointer",
                  std::string("argument ") + std::to_string(number) + " of " + kernel + " is not device memory", at);
    }
  }
}

}  // namespace limbic::emu
