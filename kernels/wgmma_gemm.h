// SPDX-License-Identifier: Apache-2.0
// A block's share of a matrix product on sm_90a: C[128, columns] = sum over steps of A[128, 64] B[64, columns], of
// bf16, summed in f32. One thread has bulk copies bring tiles into a ring of stages; two warpgroups multiply, 64 rows
// each. They meet on mbarriers: a stage is full when its bytes are there, empty when the eight warps have read it.
#pragma once
#include "kernels/gpu_storage.h"
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

}  // namespace limbic::LIMBIC_DEVICE
