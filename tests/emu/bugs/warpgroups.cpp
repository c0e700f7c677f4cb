// SPDX-License-Identifier: Apache-2.0
// Kernels with one bug each in how they use mbarriers, bulk copies or wgmma.
#include "kernels/gpu_bf16.h"
#include "kernels/ptx.h"
#include "tests/emu/bugs/bugs.h"

namespace limbic::emu {
namespace {

constexpr int tile_bytes = 64 * 128;

/// A tile of 64 x 64 ones in device memory.
struct Ones {
  uint16_t* const at = static_cast<uint16_t*>(allocate(tile_bytes));
  Ones() {
    const std::vector<uint16_t> v(64 * 64, to_bf16(1));
    copy(at, v.data(), tile_bytes);
  }
  ~Ones() { release(at); }
  Ones(const Ones&) = delete;
};

/// Runs kernel<<<1, threads>>>(ones, y) with two tiles of shared memory; true where every y is `expected`.
template <class Kernel>
bool gives(const char* name, const Kernel& kernel, int threads, float expected) {
  const Ones ones;
  const Counting y(128);
  const TensorMap map = make_tensor_map({ones.at, 2, {64, 64}, {1, 64}, {64, 64}});
  launch(name, "", __FILE__, __LINE__, kernel, Grid{.blocks = 1, .threads = threads, .shared_bytes = 2 * tile_bytes},
         map, y.at);
  const std::vector<float> got = y.values();
  for (int i = 0; i < threads && i < 128; ++i) {
    if (got[i] != expected) return false;
  }
  return true;
}

using Map = const TensorMap;  // of the ones

/// What every kernel begins with: an mbarrier that all threads know, and a tile that it is to guard.
#define BARRIER_AND_TILE()                         \
  SHARED(full, uint64_t);                          \
  char* const tile = dynamic_shared_array<char>(); \
  const bool first = threadIdx.x == 0;             \
  if (first) mbarrier_init(&full, 1);              \
  __syncthreads()

__device__ float element(const char* tile, int i) {
  return __uint_as_float(static_cast<uint32_t>(reinterpret_cast<const uint16_t*>(tile)[i]) << 16);
}

/// Brings the tile, and waits for it.
__device__ void bring(char* tile, Map& map, uint64_t* full) {
  if (threadIdx.x == 0) {
    mbarrier_arrive_expect(full, tile_bytes);
    bulk_copy(tile, map, {0, 0}, full);
  }
  mbarrier_wait(full, 0);
}

// mbarriers and copies

__global__ void tile_read_too_early(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile, map, {0, 0}, &full);
  y[threadIdx.x] = element(tile, threadIdx.x);  // bug: tile_read_too_early
  mbarrier_wait(&full, 0);
}

__global__ void copy_left_behind(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile, map, {0, 0}, &full);  // bug: copy_left_behind
  y[threadIdx.x] = 1;
}

__global__ void too_many_bytes_expected(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes + 2048);
  if (first) bulk_copy(tile, map, {0, 0}, &full);
  mbarrier_wait(&full, 0);  // bug: too_many_bytes_expected
  y[threadIdx.x] = 1;
}

__global__ void too_few_bytes_expected(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes / 2);
  if (first) bulk_copy(tile, map, {0, 0}, &full);  // bug: too_few_bytes_expected
  mbarrier_wait(&full, 0);
  y[threadIdx.x] = 1;
}

__global__ void parity_to_come(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  mbarrier_wait(&full, 1);  // bug: parity_to_come
  y[threadIdx.x] = 1;
}

__global__ void parity_gone_by(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile, map, {0, 0}, &full);
  mbarrier_wait(&full, 1);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: parity_gone_by
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void mbarrier_not_known_yet(Map, float* y) {
  SHARED(full, uint64_t);
  if (threadIdx.x == 64) mbarrier_init(&full, 1);
  if (threadIdx.x == 64) mbarrier_arrive(&full);
  mbarrier_wait(&full, 0);  // bug: mbarrier_not_known_yet
  y[threadIdx.x] = 1;
}

__global__ void mbarrier_of_each_thread(Map, float* y) {
  SHARED(full, uint64_t);
  mbarrier_init(&full, 1);  // bug: mbarrier_of_each_thread
  y[threadIdx.x] = 1;
}

__global__ void too_many_arrivals(Map map, float* y) {
  BARRIER_AND_TILE();
  mbarrier_arrive_expect(&full, tile_bytes);  // bug: too_many_arrivals
  if (first) bulk_copy(tile, map, {0, 0}, &full);
  mbarrier_wait(&full, 0);
  y[threadIdx.x] = 1;
}

__global__ void bulk_copy_misaligned(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile + 128, map, {0, 0}, &full);  // bug: bulk_copy_misaligned
  mbarrier_wait(&full, 0);
  y[threadIdx.x] = 1;
}

__global__ void bulk_copy_past_end(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile + tile_bytes + 1024, map, {0, 0}, &full);  // bug: bulk_copy_past_end
  mbarrier_wait(&full, 0);
  y[threadIdx.x] = 1;
}

__global__ void bulk_copy_over_another(Map map, float* y) {
  BARRIER_AND_TILE();
  if (first) mbarrier_arrive_expect(&full, 2 * tile_bytes);
  if (first) bulk_copy(tile, map, {0, 0}, &full);
  if (first) bulk_copy(tile + 1024, map, {0, 0}, &full);  // bug: bulk_copy_over_another
  mbarrier_wait(&full, 0);
  y[threadIdx.x] = 1;
}

/// Two phases of one tile: each warp reads, one of its lanes says that all have. The vote orders no memory.
__global__ void released_by_one_lane(Map map, float* y) {
  SHARED(empty, uint64_t);
  if (threadIdx.x == 0) mbarrier_init(&empty, 4);
  BARRIER_AND_TILE();
  float sum = 0;
  for (int step = 0; step < 2; ++step) {
    if (first && step) mbarrier_wait(&empty, 0);
    if (first) mbarrier_arrive_expect(&full, tile_bytes);
    if (first) bulk_copy(tile, map, {0, 0}, &full);
    mbarrier_wait(&full, step);
    sum += element(tile, threadIdx.x) / 2;  // bug: released_by_one_lane
    __any_sync(0xffffffff, 0);
    if (threadIdx.x % 32 == 0) mbarrier_arrive(&empty);
  }
  y[threadIdx.x] = sum;
}

// wgmma

__global__ void operand_overwritten(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);
  wgmma_commit();
  if (first) mbarrier_arrive_expect(&full, tile_bytes);
  if (first) bulk_copy(tile, map, {0, 0}, &full);  // bug: operand_overwritten
  wgmma_wait<0>(d);
  mbarrier_wait(&full, 1);
  y[threadIdx.x] = d[0];
}

__global__ void accumulators_read_too_early(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);
  wgmma_commit();
  y[threadIdx.x] = d[0];  // bug: accumulators_read_too_early
  wgmma_wait<0>(d);
}

__global__ void accumulators_written_too_early(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);
  wgmma_commit();
  d[5] = 0;
  wgmma_wait<0>(d);  // bug: accumulators_written_too_early
  y[threadIdx.x] = d[0];
}

__global__ void wgmma_without_fence(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: wgmma_without_fence
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void wgmma_without_commit(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: wgmma_without_commit
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void wgmma_without_wait(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: wgmma_without_wait
  wgmma_commit();
  y[threadIdx.x] = d[0];
}

__global__ void wgmma_in_part_of_a_warpgroup(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile);
  wgmma_fence(d);
  if (threadIdx.x < 96) wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: wgmma_in_part_of_a_warpgroup
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void wgmma_of_two_warps(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  wgmma_fence(d);  // bug: wgmma_of_two_warps
  y[threadIdx.x] = 1;
}

__global__ void descriptors_differ(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t operand = wgmma_descriptor(tile + threadIdx.x / 64 * 32);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, operand, operand);  // bug: descriptors_differ
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void descriptor_misaligned(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  y[threadIdx.x] = static_cast<float>(wgmma_descriptor(tile + 8));  // bug: descriptor_misaligned
}

__global__ void rows_misaligned(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t a = wgmma_descriptor(tile), b = wgmma_descriptor(tile + 128);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, a, b);  // bug: rows_misaligned
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

__global__ void operand_past_end(Map map, float* y) {
  BARRIER_AND_TILE();
  bring(tile, map, &full);
  float d[32] = {};
  const uint64_t a = wgmma_descriptor(tile), b = wgmma_descriptor(tile + tile_bytes + 1024);
  wgmma_fence(d);
  wgmma_m64k16_bf16<64>(d, a, b);  // bug: operand_past_end
  wgmma_commit();
  wgmma_wait<0>(d);
  y[threadIdx.x] = d[0];
}

#define KERNEL(kernel, threads, expected)                             \
  {                                                                   \
#kernel, [] { return gives(#kernel, kernel, threads, expected); } \
  }
constexpr float depth = 16;  // a product of ones

const Bug bugs[] = {
    KERNEL(tile_read_too_early, 128, 1),
    KERNEL(copy_left_behind, 128, 1),
    KERNEL(too_many_bytes_expected, 128, 1),
    KERNEL(too_few_bytes_expected, 128, 1),
    KERNEL(parity_to_come, 128, 1),
    KERNEL(parity_gone_by, 128, depth),
    KERNEL(mbarrier_not_known_yet, 128, 1),
    KERNEL(mbarrier_of_each_thread, 128, 1),
    KERNEL(too_many_arrivals, 128, 1),
    KERNEL(bulk_copy_misaligned, 128, 1),
    KERNEL(bulk_copy_past_end, 128, 1),
    KERNEL(bulk_copy_over_another, 128, 1),
    KERNEL(released_by_one_lane, 128, 1),
    KERNEL(operand_overwritten, 128, depth),
    KERNEL(accumulators_read_too_early, 128, depth),
    KERNEL(accumulators_written_too_early, 128, depth),
    KERNEL(wgmma_without_fence, 128, depth),
    KERNEL(wgmma_without_commit, 128, depth),
    KERNEL(wgmma_without_wait, 128, depth),
    KERNEL(wgmma_in_part_of_a_warpgroup, 128, depth),
    KERNEL(wgmma_of_two_warps, 64, 1),
    KERNEL(descriptors_differ, 128, depth),
    KERNEL(descriptor_misaligned, 128, 1),
    KERNEL(rows_misaligned, 128, depth),
    KERNEL(operand_past_end, 128, depth),
};

}  // namespace

std::span<const Bug> warpgroup_bugs() { return bugs; }

}  // namespace limbic::emu
