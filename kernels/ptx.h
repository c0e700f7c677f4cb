// SPDX-License-Identifier: Apache-2.0
// PTX instructions that C++ has no name for: under nvcc the instruction, on the host what the PTX ISA says it means
// (kernels/emu/tensor_core.cpp). No other file holds inline assembly.
//
// Fragments of mma: lane = 4 * g + t holds, of a 16 x 8 accumulator, d[0], d[1] = rows g, columns 2t, 2t + 1 and
// d[2], d[3] = the same columns of row g + 8.
#pragma once
#include "kernels/gpu.h"

#ifdef __CUDACC__
#define LIMBIC_CALLER_HERE
#else
#include "kernels/emu/tensor_core.h"
#define LIMBIC_CALLER_HERE , Location at = Location::here()
#endif

namespace limbic::LIMBIC_DEVICE {

/// Rounds to the 10 mantissa bits of TF32, ties away from zero; the result is a float as well.
__device__ inline uint32_t to_tf32(float x) {
#ifdef __CUDACC__
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return rounded;
#else
  return round_to_tf32(x);
#endif
}

/// d[16,8] += a[16,8] b[8,8]. a[0..3]: (row g, column t), (g+8, t), (g, t+4), (g+8, t+4); b[0..1]: (row t, column g),
/// (t+4, g). All 32 lanes; operands from to_tf32().
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4],
                                        const uint32_t (&b)[2] LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  emulate_mma_m16n8k8_tf32(d, a, b, at);
#endif
}

/// d[16,8] += a[16,16] b[16,8]; each register holds two bf16, the lower column (of a) or row (of b) in its low half.
/// a[0..3]: (row g, columns 2t, 2t+1), (g+8, same), (g, 2t+8, 2t+9), (g+8, same); b[0..1]: (rows 2t, 2t+1, column g),
/// (rows 2t+8, 2t+9, g). All 32 lanes.
__device__ inline void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4],
                                         const uint32_t (&b)[2] LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  emulate_mma_m16n8k16_bf16(d, a, b, at);
#endif
}

/// Four 8x8 matrices of 16-bit elements out of shared memory: lane i brings the address (a multiple of 16) of row i % 8
/// of matrix i / 8; r[j] becomes columns 2t, 2t + 1 of row g of matrix j, or of its transpose. All 32 lanes.
template <bool transpose = false>
__device__ inline void ldmatrix_x4(uint32_t (&r)[4], const void* row LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (transpose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  }
#else
  uint32_t words[4];
  check_ldmatrix_row(row, at);
  std::memcpy(words, row, sizeof words);  // the lane's own read: sanitizers look at it here
  emulate_ldmatrix_x4(r, words, transpose, at);
#endif
}

/// Starts to copy 4, 8 or 16 bytes from device to shared memory, of which the first `bytes_read` are read and the rest
/// become 0. The target is undefined until cp_async_wait, and until a barrier for other threads.
template <int bytes>
__device__ inline void cp_async(void* shared, const void* global, unsigned bytes_read = bytes LIMBIC_CALLER_HERE) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#ifdef __CUDACC__
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  if constexpr (bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes_read) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(bytes), "r"(bytes_read)
                 : "memory");
  }
#else
  copy_later(shared, global, bytes, bytes_read, at);
#endif
}

/// Closes a group of this thread's copies.
__device__ inline void cp_async_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  commit_copies();
#endif
}

/// Waits until at most `groups` of this thread's groups are under way.
template <int groups>
__device__ inline void cp_async_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#else
  wait_for_copies(groups);
#endif
}

}  // namespace limbic::LIMBIC_DEVICE

#undef LIMBIC_CALLER_HERE
