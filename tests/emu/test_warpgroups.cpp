// SPDX-License-Identifier: Apache-2.0
// What right kernels get from the emulator's mbarriers, bulk copies and wgmma, in every order of threads.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/gpu.h"
#include "kernels/gpu_bf16.h"
#include "kernels/ptx.h"
#include "tests/emu/arrays.h"

namespace limbic::emu {
namespace {

constexpr int tile_bytes = 64 * 128;

/// Brings one box, and writes down shared memory as it lies there.
template <int rank>
__global__ void copy_box(const __grid_constant__ TensorMap map, int c0, int c1, int c2, int c3, int c4, int rows,
                         uint16_t* out) {
  SHARED(full, uint64_t);
  uint16_t* const tile = dynamic_shared_array<uint16_t>();
  const int corner[5] = {c0, c1, c2, c3, c4};
  int own_corner[rank];
  for (int i = 0; i < rank; ++i) own_corner[i] = corner[i];
  if (threadIdx.x == 0) mbarrier_init(&full, 1);
  __syncthreads();
  if (threadIdx.x == 5) {
    mbarrier_arrive_expect(&full, rows * 128);
    bulk_copy(tile, map, own_corner, &full);
  }
  mbarrier_wait(&full, 0);
  for (int i = threadIdx.x; i < rows * 64; i += blockDim.x) out[i] = tile[i];
}

/// c[64,columns] = a b, with a ring of two stages of depth 64: a producer thread and a warpgroup that meet on
/// mbarriers. a is [64, depth] or (mn) [depth, 64]; b is [columns, depth] or [depth, columns].
template <int columns, bool a_mn, bool b_mn>
__global__ void multiply(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, int steps,
                         float* c) {
  constexpr int blocks_b = columns / 64, stage_bytes = tile_bytes * (1 + blocks_b);
  SHARED(full, uint64_t[2]);
  SHARED(empty, uint64_t[2]);
  char* const stages = dynamic_shared_array<char>();
  if (threadIdx.x == 0) {
    for (int i = 0; i < 2; ++i) {
      mbarrier_init(&full[i], 1);
      mbarrier_init(&empty[i], 4);
    }
  }
  __syncthreads();
  if (threadIdx.x >= 128) {
    for (int step = 0; threadIdx.x == 128 && step < steps; ++step) {
      char* const stage = stages + step % 2 * stage_bytes;
      if (step >= 2) mbarrier_wait(&empty[step % 2], step / 2 - 1 & 1);
      mbarrier_arrive_expect(&full[step % 2], stage_bytes);
      bulk_copy(stage, a, {a_mn ? 0 : 64 * step, a_mn ? 64 * step : 0}, &full[step % 2]);
      for (int i = 0; i < blocks_b; ++i) {
        bulk_copy(stage + tile_bytes * (1 + i), b, {b_mn ? 64 * i : 64 * step, b_mn ? 64 * step : 64 * i},
                  &full[step % 2]);
      }
    }
    return;
  }
  float d[columns / 2] = {};
  for (int step = 0; step < steps; ++step) {
    const char* const stage = stages + step % 2 * stage_bytes;
    mbarrier_wait(&full[step % 2], step / 2 & 1);
    wgmma_fence(d);
    for (int k = 0; k < 4; ++k) {
      const uint64_t left = wgmma_descriptor(stage + k * (a_mn ? 2048 : 32), tile_bytes);
      const uint64_t right = wgmma_descriptor(stage + tile_bytes + k * (b_mn ? 2048 : 32), tile_bytes);
      wgmma_m64k16_bf16<columns, a_mn, b_mn>(d, left, right);
    }
    wgmma_commit();
    wgmma_wait<0>(d);
    __syncwarp();
    if (threadIdx.x % 32 == 0) mbarrier_arrive(&empty[step % 2]);
  }
  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
  for (int i = 0; i < columns / 2; ++i) c[(row + i / 2 % 2 * 8) * columns + column + i / 4 * 8 + i % 2] = d[i];
}

/// Groups of products that add to two sets of accumulators, one in flight while the other is read.
__global__ void two_in_flight(const __grid_constant__ TensorMap a, float* c) {
  SHARED(full, uint64_t);
  char* const tile = dynamic_shared_array<char>();
  if (threadIdx.x == 0) mbarrier_init(&full, 1);
  __syncthreads();
  if (threadIdx.x == 0) {
    mbarrier_arrive_expect(&full, tile_bytes);
    bulk_copy(tile, a, {0, 0}, &full);
  }
  mbarrier_wait(&full, 0);
  float once[32] = {}, twice[32] = {};
  const uint64_t square = wgmma_descriptor(tile);
  wgmma_fence(once);
  wgmma_fence(twice);
  wgmma_m64k16_bf16<64>(once, square, square);
  wgmma_commit();
  wgmma_m64k16_bf16<64>(twice, square, square);
  wgmma_m64k16_bf16<64>(twice, square, square);
  wgmma_commit();
  wgmma_wait<1>(once);
  for (int i = 0; i < 32; ++i) c[threadIdx.x * 32 + i] = -once[i];
  wgmma_wait<0>(twice);
  for (int i = 0; i < 32; ++i) c[threadIdx.x * 32 + i] += twice[i] - once[i];
}

float number(int i, int salt) { return static_cast<float>((i * 7 + i / 13 + salt) % 9 - 4); }

std::vector<uint16_t> numbers(size_t n, int salt) {
  std::vector<uint16_t> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = to_bf16(number(static_cast<int>(i), salt));
  return v;
}

TensorBox matrix(const Array<uint16_t>& m, int rows, int columns) {
  return {.tensor = m.at, .rank = 2, .size = {columns, rows}, .stride = {1, columns}, .box = {64, 64}};
}

template <int columns, bool a_mn, bool b_mn>
void check_multiply() {
  constexpr int depth = 5 * 64;
  const Array<uint16_t> a(numbers(64 * depth, 1)), b(numbers(size_t{columns} * depth, 2));
  const TensorMap left = make_tensor_map(a_mn ? matrix(a, depth, 64) : matrix(a, 64, depth));
  const TensorMap right = make_tensor_map(b_mn ? matrix(b, depth, columns) : matrix(b, columns, depth));
  in_every_order([&] {
    const Array<float> c(64 * columns);
    const Grid grid{.blocks = 1, .threads = 160, .shared_bytes = size_t{2} * tile_bytes * (1 + columns / 64)};
    LAUNCH((multiply<columns, a_mn, b_mn>), grid, left, right, 5, c.at);
    const std::vector<float> got = c.host();
    int wrong = 0;
    for (int m = 0; m < 64; ++m)
      for (int n = 0; n < columns; ++n) {
        float sum = 0;
        for (int k = 0; k < depth; ++k) {
          sum += number(a_mn ? k * 64 + m : m * depth + k, 1) * number(b_mn ? k * columns + n : n * depth + k, 2);
        }
        wrong += got[m * columns + n] != sum;
      }
    CHECK(wrong == 0);
  });
}

template <int rank>
void check_copy(const TensorBox& box, const std::vector<uint16_t>& tensor, const int (&corner)[5]) {
  int rows = 1;
  for (int i = 1; i < rank; ++i) rows *= box.box[i];
  const TensorMap map = make_tensor_map(box);
  in_every_order([&] {
    const Array<uint16_t> out(static_cast<size_t>(rows) * 64);
    const Grid grid{.blocks = 1, .threads = 33, .shared_bytes = static_cast<size_t>(rows + 7) / 8 * 1024};
    LAUNCH(copy_box<rank>, grid, map, corner[0], corner[1], corner[2], corner[3], corner[4], rows, out.at);
    const std::vector<uint16_t> got = out.host();
    int wrong = 0;
    for (int row = 0; row < rows; ++row)
      for (int i = 0; i < 64; ++i) {
        int64_t from = corner[0] + i, rest = row;
        bool inside = from >= 0 && from < box.size[0];
        for (int j = 1; j < rank; ++j) {
          const int64_t at = corner[j] + rest % box.box[j] * box.step[j];
          inside = inside && at >= 0 && at < box.size[j];
          from += at * box.stride[j], rest /= box.box[j];
        }
        const int byte = row * 128 + i * 2, swizzled = byte ^ (byte >> 7 & 7) << 4;
        wrong += got[swizzled / 2] != (inside ? tensor[from] : 0);
      }
    CHECK(wrong == 0);
  });
}

}  // namespace

TEST_CASE("emu: bulk copies bring boxes of 2 to 5 dimensions, zeros outside, swizzled") {
  const std::vector<uint16_t> tensor = numbers(3 * 4 * 5 * 6 * 72, 3);
  const Array<uint16_t> x(tensor);
  check_copy<2>({x.at, 2, {72, 120}, {1, 72}, {64, 11}}, tensor, {-5, 114});
  check_copy<3>({x.at, 3, {70, 6, 60}, {1, 72, 432}, {64, 3, 8}, {1, 2, 1}}, tensor, {16, -1, 55});
  check_copy<4>({x.at, 4, {72, 6, 5, 12}, {1, 72, 432, 2160}, {64, 4, 2, 3}, {1, 2, 3, 1}}, tensor, {64, -2, 1, 10});
  check_copy<5>({x.at, 5, {72, 6, 5, 4, 3}, {1, 72, 432, 2160, 8640}, {64, 2, 1, 2, 2}}, tensor, {0, 5, -1, 3, 2});
  check_copy<5>({x.at, 5, {72, 6, 5, 4, 3}, {1, 72, 432, 2160, 8640}, {64, 2, 1, 2, 2}}, tensor, {8, 3, 4, 0, 1});
}

TEST_CASE("emu: wgmma multiplies what bulk copies bring, whichever way the operands lie") {
  check_multiply<64, false, false>();
  check_multiply<64, true, false>();
  check_multiply<128, false, false>();
  check_multiply<128, false, true>();
  check_multiply<128, true, true>();
}

TEST_CASE("emu: a group of wgmma can be waited for while another is in flight") {
  const Array<uint16_t> a(numbers(64 * 64, 4));
  const TensorMap map = make_tensor_map(matrix(a, 64, 64));
  in_every_order([&] {
    const Array<float> c(64 * 64);
    LAUNCH(two_in_flight, (Grid{.blocks = 1, .threads = 128, .shared_bytes = tile_bytes}), map, c.at);
    for (const float v : c.host()) CHECK(v == 0);
  });
}

TEST_CASE("emu: a tensor map is refused where cuTensorMapEncodeTiled refuses it") {
  const Array<uint16_t> x(4096);
  const TensorBox good{x.at, 3, {64, 8, 8}, {1, 64, 512}, {64, 8, 8}};
  CHECK_NOTHROW(make_tensor_map(good));
  const auto refused = [&](const std::string& why, auto spoil) {
    TensorBox bad = good;
    spoil(bad);
    CHECK_THROWS_WITH(make_tensor_map(bad), Catch::Contains(why));
  };
  refused("rank", [](TensorBox& t) { t.rank = 1; });
  refused("multiple of 16", [](TensorBox& t) { t.tensor += 4; });
  refused("neighbours", [](TensorBox& t) { t.stride[0] = 2; });
  refused("128 bytes", [](TensorBox& t) { t.box[0] = 32; });
  refused("size", [](TensorBox& t) { t.size[1] = 0; });
  refused("step", [](TensorBox& t) { t.step[2] = 9; });
  refused("256", [](TensorBox& t) { t.box[1] = 129, t.step[1] = 2; });
  refused("stride", [](TensorBox& t) { t.stride[1] = 60; });
  refused("device memory", [](TensorBox& t) { t.size[2] = 9; });
}

}  // namespace limbic::emu
