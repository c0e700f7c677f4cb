// SPDX-License-Identifier: Apache-2.0
// The wrappers that only sm_90a has: mbarriers, bulk copies, wgmma.
#include "kernels/gpu_bf16.h"
#include "kernels/ptx.h"
#include "tests/gpu/ptx_kernels.h"

namespace limbic::LIMBIC_DEVICE {
namespace {

constexpr int lanes = 32, tile_bytes = 64 * 128;
constexpr int tensor_elements = 3 * 64 * 64;  // a, and both halves of b

/// Small whole numbers, other ones in each row and column.
__global__ void fill_tensor(uint16_t* tensor) {
  for (int i = threadIdx.x; i < tensor_elements; i += blockDim.x)
    tensor[i] = to_bf16(static_cast<float>((i / 64 * 31 + i % 64 * 17) % 29 - 14));
}

/// A box with borders before and behind the tensor, and steps of two, as it lies in shared memory.
__global__ void copy_box(const __grid_constant__ TensorMap map, uint32_t* out) {
  SHARED(full, uint64_t);
  uint32_t* const tile = dynamic_shared_array<uint32_t>();
  if (threadIdx.x == 0) {
    mbarrier_init(&full, 1);
    mbarrier_arrive_expect(&full, 16 * 128);
    bulk_copy(tile, map, {-3, -1, 5, 2}, &full);
  }
  __syncwarp();
  mbarrier_wait(&full, 0);
  for (int i = threadIdx.x; i < 16 * 32; i += lanes) out[i] = tile[i];
}

/// Three boxes through one tile: all lanes read, all say so, one lane brings the next.
__global__ void copy_in_phases(const __grid_constant__ TensorMap map, uint32_t* out) {
  SHARED(full, uint64_t);
  SHARED(empty, uint64_t);
  uint32_t* const tile = dynamic_shared_array<uint32_t>();
  if (threadIdx.x == 0) {
    mbarrier_init(&full, 1);
    mbarrier_init(&empty, lanes);
  }
  __syncwarp();
  for (int phase = 0; phase < 3; ++phase) {
    if (threadIdx.x == 0) {
      if (phase > 0) mbarrier_wait(&empty, (phase - 1) % 2);
      mbarrier_arrive_expect(&full, 8 * 128);
      bulk_copy(tile, map, {0, 8 * phase + 3}, &full);
    }
    mbarrier_wait(&full, phase % 2);
    out[phase * lanes + threadIdx.x] = tile[threadIdx.x * 8 + 1];
    mbarrier_arrive(&empty);
  }
}

/// Of each thread's sums: the first, the sixth, and all with weights.
template <int columns, bool a_mn, bool b_mn>
__global__ void multiply(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, uint32_t* out) {
  constexpr int halves = columns / 64;
  SHARED(full, uint64_t);
  char* const tiles = dynamic_shared_array<char>();
  if (threadIdx.x == 0) {
    mbarrier_init(&full, 1);
    mbarrier_arrive_expect(&full, (1 + halves) * tile_bytes);
    bulk_copy(tiles, a, {0, 0}, &full);
    for (int i = 0; i < halves; ++i) bulk_copy(tiles + (1 + i) * tile_bytes, b, {0, 64 * i}, &full);
  }
  __syncthreads();
  mbarrier_wait(&full, 0);
  float d[columns / 2];
  for (int i = 0; i < columns / 2; ++i) d[i] = static_cast<float>(i);
  wgmma_fence(d);
  for (int k = 0; k < 4; ++k) {
    wgmma_m64k16_bf16<columns, a_mn, b_mn>(d, wgmma_descriptor(tiles + k * (a_mn ? 2048 : 32), tile_bytes),
                                           wgmma_descriptor(tiles + tile_bytes + k * (b_mn ? 2048 : 32), tile_bytes));
  }
  wgmma_commit();
  wgmma_wait<0>(d);
  int weighted = 0;
  for (int i = 0; i < columns / 2; ++i) weighted += (2 * i + 1) * static_cast<int>(d[i]);
  uint32_t* const own = out + threadIdx.x / lanes * 3 * lanes + threadIdx.x % lanes;
  own[0] = __float_as_uint(d[0]), own[lanes] = __float_as_uint(d[5]), own[2 * lanes] = static_cast<uint32_t>(weighted);
}

const uint16_t* filled(uint32_t* work, Stream stream) {
  uint16_t* const tensor = reinterpret_cast<uint16_t*>(work);
  LAUNCH(fill_tensor, (Grid{.blocks = 1, .threads = 256, .stream = stream}), tensor);
  return tensor;
}

template <int columns, bool a_mn, bool b_mn>
void run_multiply(uint32_t* out, uint32_t* work, Stream stream) {
  const uint16_t* const tensor = filled(work, stream);
  const TensorMap a = make_tensor_map({tensor, 2, {64, 64}, {1, 64}, {64, 64}});
  const TensorMap b = make_tensor_map({tensor + 64 * 64, 2, {64, 128}, {1, 64}, {64, 64}});
  const Grid grid{.blocks = 1, .threads = 128, .shared_bytes = tile_bytes * (1 + columns / 64), .stream = stream};
  LAUNCH((multiply<columns, a_mn, b_mn>), grid, a, b, out);
}

const test::PtxCase cases[] = {
    {"bulk_copy<4>", 16,
     [](uint32_t* out, uint32_t* work, Stream stream) {
       const TensorBox box{filled(work, stream), 4, {56, 4, 8, 6}, {1, 64, 256, 2048}, {64, 2, 4, 2}, {1, 2, 1, 3}};
       const TensorMap map = make_tensor_map(box);
       LAUNCH(copy_box, (Grid{.blocks = 1, .threads = lanes, .shared_bytes = 2048, .stream = stream}), map, out);
     }},
    {"mbarrier_wait", 3,
     [](uint32_t* out, uint32_t* work, Stream stream) {
       const TensorMap map = make_tensor_map({filled(work, stream), 2, {64, 64}, {1, 64}, {64, 8}});
       LAUNCH(copy_in_phases, (Grid{.blocks = 1, .threads = lanes, .shared_bytes = 1024, .stream = stream}), map, out);
     }},
    {"wgmma_m64k16_bf16<64>", 12, run_multiply<64, false, false>},
    {"wgmma_m64k16_bf16<64, true, true>", 12, run_multiply<64, true, true>},
    {"wgmma_m64k16_bf16<128>", 12, run_multiply<128, false, false>},
    {"wgmma_m64k16_bf16<128, false, true>", 12, run_multiply<128, false, true>},
};

}  // namespace

std::span<const test::PtxCase> ptx_sm90a_cases() { return cases; }

}  // namespace limbic::LIMBIC_DEVICE
