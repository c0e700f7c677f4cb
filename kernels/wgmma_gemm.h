// SPDX-License-Identifier: Apache-2.0
// A block's share of a matrix product on sm_90a: C[128, columns] = sum over steps of A[128, 64] B[64, columns], of
// bf16, summed in f32. One thread has bulk copies bring tiles into a ring of stages; two warpgroups multiply, 64 rows
// each. They meet on mbarriers: a stage is full when its bytes are there, empty when the eight warps have read it.
#pragma once
#include "kernels/gpu_bf16.h"
#include "kernels/ptx.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int wgmma_rows = 128, wgmma_depth = 64, wgmma_stages = 4;
constexpr int wgmma_warps = 8, wgmma_threads = 32 * wgmma_warps + 32;  // the last warp copies
constexpr int wgmma_block = 64 * 128;                                  ///< bytes of 64 rows of 64 bf16

template <int columns>
constexpr int wgmma_stage = (wgmma_rows + columns) / 64 * wgmma_block;

/// copy(step, tile of A, tile of B, barrier) starts the bulk copies of a step. A tile holds blocks of 64 rows of 128
/// bytes. Where the depth is along the memory of an operand, they are its rows (A) or columns (B) one after the other,
/// else (`mn`) the depths of its first 64 rows or columns, then those of the next 64. Then each thread calls place(row)
/// for its two rows of C, and put(place, column, sum) for what it has of them.
template <int columns, bool a_mn, bool b_mn, class Copy, class Place, class Put>
__device__ void wgmma_gemm(int steps, const Copy& copy, const Place& place, const Put& put) {
  SHARED(full, uint64_t[wgmma_stages]);
  SHARED(empty, uint64_t[wgmma_stages]);
  char* const tiles = dynamic_shared_array<char>();
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 0) {
    for (int i = 0; i < wgmma_stages; ++i) {
      mbarrier_init(&full[i], 1);
      mbarrier_init(&empty[i], wgmma_warps);
    }
  }
  __syncthreads();

  if (warp == wgmma_warps) {
    for (int step = 0; lane == 0 && step < steps; ++step) {
      const int stage = step % wgmma_stages, round = step / wgmma_stages;
      char* const tile = tiles + stage * wgmma_stage<columns>;
      if (round > 0) mbarrier_wait(&empty[stage], (round - 1) % 2);
      mbarrier_arrive_expect(&full[stage], wgmma_stage<columns>);
      copy(step, tile, tile + wgmma_rows / 64 * wgmma_block, &full[stage]);
    }
    return;
  }

  float sum[columns / 2] = {};
  for (int step = 0; step < steps; ++step) {
    const int stage = step % wgmma_stages;
    const char* const a = tiles + stage * wgmma_stage<columns> + warp / 4 * wgmma_block;
    const char* const b = tiles + stage * wgmma_stage<columns> + wgmma_rows / 64 * wgmma_block;
    mbarrier_wait(&full[stage], step / wgmma_stages % 2);
    wgmma_fence(sum);
#pragma unroll
    for (int k = 0; k < wgmma_depth / 16; ++k) {
      wgmma_m64k16_bf16<columns, a_mn, b_mn>(sum, wgmma_descriptor(a + k * (a_mn ? 2048 : 32)),
                                             wgmma_descriptor(b + k * (b_mn ? 2048 : 32), wgmma_block));
    }
    wgmma_commit();
    wgmma_wait<1>(sum);  // the step before: its stage is read
    __syncwarp();
    if (step > 0 && lane == 0) mbarrier_arrive(&empty[(step - 1) % wgmma_stages]);
  }
  wgmma_wait<0>(sum);

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const auto row = place(warp * 16 + lane / 4 + 8 * half);
#pragma unroll
    for (int i = 0; i < columns / 4; ++i) {
      put(row, i / 2 * 8 + lane % 4 * 2 + i % 2, sum[i / 2 * 4 + 2 * half + i % 2]);
    }
  }
}

struct alignas(16) EightBf16 {
  uint16_t of[8];
};

constexpr int rounding_threads = 256, rounding_each = 4;

/// to[rows, padded] = from[rows, n] and zeros, eight elements at a time; padded is n, rounded up to a multiple of 8.
template <bool vector>
__global__ void rows_to_bf16(int64_t rows, int n, const float* from, EightBf16* to) {
  const int eights = (n + 7) / 8;
#pragma unroll
  for (int each = 0; each < rounding_each; ++each) {
    const int64_t i = (int64_t{blockIdx.x} * rounding_each + each) * rounding_threads + threadIdx.x;
    if (i >= rows * eights) return;
    const int first = static_cast<int>(i % eights) * 8;
    const float* const own = from + i / eights * n + first;
    float v[8];
    if constexpr (vector) {
      const float4 low = *reinterpret_cast<const float4*>(own), high = *reinterpret_cast<const float4*>(own + 4);
      v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
      v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
    } else {
#pragma unroll
      for (int j = 0; j < 8; ++j) v[j] = first + j < n ? own[j] : 0.0f;
    }
    EightBf16 rounded;
#pragma unroll
    for (int j = 0; j < 8; ++j) rounded.of[j] = to_bf16(v[j]);
    to[i] = rounded;
  }
}

/// Matrices of bf16 in scratch memory, one behind the other, as bulk copies want them: from a multiple of 128 bytes on,
/// in rows of a multiple of 16.
class Bf16Scratch {
 public:
  Bf16Scratch(float* scratch, Stream stream)
      : at_(reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 127) / 128 * 128)), stream_(stream) {}

  static int padded(int n) { return (n + 7) / 8 * 8; }
  /// Scratch floats for one matrix; one more of these, of nothing, for the alignment.
  static size_t floats(int64_t rows, int n) { return static_cast<size_t>((rows * padded(n) + 63) / 64 * 32 + 32); }

  const uint16_t* add(int64_t rows, int n, const float* from) {
    EightBf16* const to = reinterpret_cast<EightBf16*>(at_);
    const Grid grid{.blocks = blocks_for(rows * (padded(n) / 8), rounding_threads * rounding_each),
                    .threads = rounding_threads,
                    .stream = stream_};
    if (n % 8 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0) {
      LAUNCH(rows_to_bf16<true>, grid, rows, n, from, to);
    } else {
      LAUNCH(rows_to_bf16<false>, grid, rows, n, from, to);
    }
    at_ += floats(rows, n) * sizeof(float);
    return reinterpret_cast<const uint16_t*>(to);
  }
  float* rest() const { return reinterpret_cast<float*>(at_); }

 private:
  char* at_;
  Stream stream_;
};

}  // namespace limbic::LIMBIC_DEVICE
