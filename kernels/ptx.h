// SPDX-License-Identifier: Apache-2.0
// PTX instructions that C++ has no name for: under nvcc the instruction, on the host what the PTX ISA says it means
// (kernels/emu: tensor_core.cpp, mbarrier.cpp, wgmma.cpp). No other file holds inline assembly.
//
// Fragments of mma: lane = 4 * g + t holds, of a 16 x 8 accumulator, d[0], d[1] = rows g, columns 2t, 2t + 1 and
// d[2], d[3] = the same columns of row g + 8.
#pragma once
#include "kernels/gpu.h"
#include "kernels/tensor_map.h"

#ifdef __CUDACC__
#define LIMBIC_CALLER_HERE
#define LIMBIC_CALLER_ALONE
#else
#include "kernels/emu/mbarrier.h"
#include "kernels/emu/tensor_core.h"
#include "kernels/emu/wgmma.h"
#define LIMBIC_CALLER_HERE , Location at = Location::here()
#define LIMBIC_CALLER_ALONE Location at = Location::here()
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

// From here on: sm_90a alone.

/// A barrier in shared memory whose phases end when `arrivals` threads have arrived and all bytes that they expect have
/// been copied. One thread makes it; the others know of it after __syncthreads().
__device__ inline void mbarrier_init(uint64_t* barrier, uint32_t arrivals LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "mbarrier.init.shared::cta.b64 [%0], %1;\n"
      "fence.mbarrier_init.release.cluster;\n"  // bulk copies are to see it too
      "fence.proxy.async.shared::cta;" ::"r"(address),
      "r"(arrivals)
      : "memory");
#else
  emulate_mbarrier_init(barrier, arrivals, at);
#endif
}

__device__ inline void mbarrier_arrive(uint64_t* barrier LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address) : "memory");
#else
  emulate_mbarrier_arrive(barrier, 0, at);
#endif
}

/// Arrives, and has the phase wait for so many bytes of bulk copies.
__device__ inline void mbarrier_arrive_expect(uint64_t* barrier, uint32_t bytes LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address), "r"(bytes) : "memory");
#else
  emulate_mbarrier_arrive(barrier, bytes, at);
#endif
}

/// Waits for the end of the phase of this parity: phases count from 0, and the one before the first has ended.
__device__ inline void mbarrier_wait(uint64_t* barrier, uint32_t parity LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  uint32_t ended;
  do {
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n"
        "}"
        : "=r"(ended)
        : "r"(address), "r"(parity)
        : "memory");
  } while (!ended);
#else
  emulate_mbarrier_wait(barrier, parity, at);
#endif
}

/// Starts to copy the box at `corner` (innermost coordinate first, negative ones allowed) to shared memory, at a
/// multiple of 1024 bytes; what lies outside the tensor becomes 0. Its rows of 64 bf16 follow each other, the 16 bytes
/// i of row r at place i ^ r % 8 of their row. One thread; the barrier's phase counts all bytes of the box.
template <int rank>
__device__ inline void bulk_copy(void* shared, const TensorMap& map, const int (&corner)[rank],
                                 uint64_t* barrier LIMBIC_CALLER_HERE) {
  static_assert(rank >= 2 && rank <= 5);
#ifdef __CUDACC__
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const uint32_t mbarrier = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  const uint64_t from = reinterpret_cast<uint64_t>(&map);
#define LIMBIC_BULK_COPY(dimensions, coordinates, ...)                                              \
  asm volatile("cp.async.bulk.tensor." dimensions                                                   \
               ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {" coordinates \
               "}], [%2];" ::"r"(to),                                                               \
               "l"(from), "r"(mbarrier), __VA_ARGS__                                                \
               : "memory")
  if constexpr (rank == 2) LIMBIC_BULK_COPY("2d", "%3, %4", "r"(corner[0]), "r"(corner[1]));
  if constexpr (rank == 3) LIMBIC_BULK_COPY("3d", "%3, %4, %5", "r"(corner[0]), "r"(corner[1]), "r"(corner[2]));
  if constexpr (rank == 4) {
    LIMBIC_BULK_COPY("4d", "%3, %4, %5, %6", "r"(corner[0]), "r"(corner[1]), "r"(corner[2]), "r"(corner[3]));
  }
  if constexpr (rank == 5) {
    LIMBIC_BULK_COPY("5d", "%3, %4, %5, %6, %7", "r"(corner[0]), "r"(corner[1]), "r"(corner[2]), "r"(corner[3]),
                     "r"(corner[4]));
  }
#undef LIMBIC_BULK_COPY
#else
  emulate_bulk_copy(shared, map, rank, corner, barrier, at);
#endif
}

/// An operand of wgmma 16 deep, in rows of 128 bytes as bulk_copy() leaves them in dynamic shared memory. Where its
/// depth is along the rows: row i of the tile is row i of a (column i of b), and the next 16 depths are 32 bytes on.
/// Else (`mn` of wgmma) row k of the tile is depth k, of 64 rows of a (columns of b), the next 16 depths are 2048 bytes
/// on, and `next_block` bytes on are the next 64 columns.
__device__ inline uint64_t wgmma_descriptor(const void* tile, uint32_t next_block = 16 LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(tile));
#else
  const uint32_t address = offset_of_wgmma_tile(tile, next_block, at);
#endif
  constexpr uint64_t eight_rows = 1024, swizzle_128 = 1;
  return (address >> 4 & 0x3fff) | static_cast<uint64_t>(next_block >> 4) << 16 | eight_rows >> 4 << 32 |
         swizzle_128 << 62;
}

#ifdef __CUDACC__
/// The compiler has d in registers here, and makes no use of them across this place.
template <int n>
__device__ inline void keep_in_registers(float (&d)[n]) {
#pragma unroll
  for (int i = 0; i < n; ++i) asm volatile("" : "+f"(d[i])::"memory");
}
#endif

/// Orders this warpgroup's accesses to d before the wgmma that follow. All 128 threads.
template <int n>
__device__ inline void wgmma_fence(float (&d)[n] LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  keep_in_registers(d);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#else
  emulate_wgmma_fence(d, at);
#endif
}

/// Starts d[64,columns] += a[64,16] b[16,columns] of bf16; a and b are descriptors. Lane 4 * g + t of warp w holds, of
/// rows 16w + g and 16w + g + 8, columns 8j + 2t and 8j + 2t + 1 in d[4j], d[4j + 1] and d[4j + 2], d[4j + 3]. Nobody
/// may touch d or the operands until wgmma_wait(). All 128 threads of four warps, of which the first is a multiple of
/// four.
template <int columns, bool a_mn = false, bool b_mn = false>
__device__ inline void wgmma_m64k16_bf16(float (&d)[columns / 2], uint64_t a, uint64_t b LIMBIC_CALLER_HERE) {
  static_assert(columns == 64 || columns == 128);
#ifdef __CUDACC__
#define LIMBIC_FLOATS_8(i)                                                                                    \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define LIMBIC_FLOATS_32(i) LIMBIC_FLOATS_8(i), LIMBIC_FLOATS_8(i + 8), LIMBIC_FLOATS_8(i + 16), LIMBIC_FLOATS_8(i + 24)
  if constexpr (columns == 64) {
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
        "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
        "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
        "}, %32, %33, 1, 1, 1, %34, %35;"
        : LIMBIC_FLOATS_32(0)
        : "l"(a), "l"(b), "n"(a_mn), "n"(b_mn)
        : "memory");
  } else {
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
        "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
        "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"
        "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
        "}, %64, %65, 1, 1, 1, %66, %67;"
        : LIMBIC_FLOATS_32(0), LIMBIC_FLOATS_32(32)
        : "l"(a), "l"(b), "n"(a_mn), "n"(b_mn)
        : "memory");
  }
#undef LIMBIC_FLOATS_32
#undef LIMBIC_FLOATS_8
#else
  emulate_wgmma(d, columns, a, a_mn, b, b_mn, at);
#endif
}

/// Closes a group of this warpgroup's wgmma.
__device__ inline void wgmma_commit(LIMBIC_CALLER_ALONE) {
#ifdef __CUDACC__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  emulate_wgmma_commit(at);
#endif
}

/// Waits until at most `groups` of this warpgroup's groups are under way; d are accumulators that are read afterwards.
template <int groups, int n>
__device__ inline void wgmma_wait([[maybe_unused]] float (&d)[n] LIMBIC_CALLER_HERE) {
#ifdef __CUDACC__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
  keep_in_registers(d);
#else
  emulate_wgmma_wait(groups, at);
#endif
}

}  // namespace limbic::LIMBIC_DEVICE

#undef LIMBIC_CALLER_HERE
#undef LIMBIC_CALLER_ALONE
