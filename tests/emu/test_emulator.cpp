// SPDX-License-Identifier: Apache-2.0
// What right kernels get from the emulator: every primitive's meaning, in every order of threads, and no report.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/gpu.h"
#include "kernels/gpu_runtime.h"
#include "kernels/ptx.h"
#include "tests/emu/arrays.h"

namespace limbic::emu {
namespace {

/// c[16,8] = a[16,16] b[16,16] (its first 8 columns), all bf16 in shared memory.
__global__ void multiply_bf16(const uint16_t* a, const uint16_t* b, float* c) {
  SHARED(tile_a, uint16_t[16][16]);
  SHARED(tile_b, uint16_t[16][16]);
  const int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  for (int i = lane; i < 256; i += 32) tile_a[i / 16][i % 16] = a[i], tile_b[i / 16][i % 16] = b[i];
  __syncwarp();
  uint32_t left[4], right[4];
  ldmatrix_x4(left, &tile_a[lane % 16][lane / 16 * 8]);
  ldmatrix_x4<true>(right, &tile_b[lane % 16][lane / 16 * 8]);
  float d[4] = {};
  const uint32_t first_columns[2] = {right[0], right[1]};
  mma_m16n8k16_bf16(d, left, first_columns);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

__global__ void warp_functions(const int* x, int* y) {
  const int lane = threadIdx.x;
  const uint32_t all = 0xffffffff;
  y[lane] = __shfl_sync(all, x[lane], 5);
  y[32 + lane] = __shfl_down_sync(all, x[lane], 3);
  y[64 + lane] = __shfl_xor_sync(all, x[lane], 16);
  y[96 + lane] = static_cast<int>(__ballot_sync(all, x[lane] % 3 == 0));
  const uint32_t half = lane < 16 ? 0xffff : 0xffff0000;  // two groups that do not wait for each other
  y[128 + lane] = __shfl_xor_sync(half, x[lane], 1) + __any_sync(half, lane == 20) + __all_sync(half, lane < 16);
}

__global__ void block_functions(int* y) {
  const int i = threadIdx.x;
  const int count = __syncthreads_count(i % 3 == 0);
  const int any = __syncthreads_or(i == 70);
  const int every = __syncthreads_and(i < 70);
  y[i] = count * 4 + any * 2 + every;
}

/// Reverses each block's part of x through dynamic shared memory, and counts the odd ones over all blocks.
__global__ void reverse_and_count(const int* x, int* y, int* odd) {
  int* const tile = dynamic_shared_array<int>();
  const int n = blockDim.x, i = threadIdx.x, begin = blockIdx.x * n;
  tile[i] = x[begin + i];
  __syncthreads();
  y[begin + i] = tile[n - 1 - i];
  if (tile[i] % 2) atomicAdd(odd, 1);
}

/// The sum of each block's numbers, tiles arriving by cp.async one step ahead.
__global__ void pipelined_sum(const float* x, float* sum, int steps) {
  SHARED(tile, float[2][32]);
  const int i = threadIdx.x;
  const auto fetch = [&](int step) {
    cp_async<4>(&tile[step % 2][i], &x[step * 32 + i]);
    cp_async_commit();
  };
  float own = 0;
  fetch(0);
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) {
      fetch(step + 1);
      cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    __syncthreads();
    own += tile[step % 2][31 - i];
    __syncthreads();
  }
  sum[i] = own;
}

__global__ void plain_loop(float* y) { y[blockIdx.x * blockDim.x + threadIdx.x] = 1; }

__global__ void half_a_barrier() {
  if (threadIdx.x < 16) return;
  __syncthreads();
}

uint16_t bf16(int whole) {
  const float x = static_cast<float>(whole);
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>(bits >> 16);
}

}  // namespace

TEST_CASE("emu: ldmatrix and mma multiply bf16 matrices") {
  std::vector<uint16_t> a(256), b(256);
  const auto value = [](int seed, int i) { return (i * seed + i / 7) % 17 - 8; };
  for (int i = 0; i < 256; ++i) a[i] = bf16(value(5, i)), b[i] = bf16(value(11, i));
  const Array<uint16_t> device_a(a), device_b(b);
  in_every_order([&] {
    const Array<float> c(128);
    LAUNCH(multiply_bf16, (Grid{1, 32}), device_a.at, device_b.at, c.at);
    const std::vector<float> got = c.host();
    for (int m = 0; m < 16; ++m)
      for (int n = 0; n < 8; ++n) {
        int expected = 0;
        for (int k = 0; k < 16; ++k) expected += value(5, 16 * m + k) * value(11, 16 * k + n);
        CHECK(got[m * 8 + n] == expected);
      }
  });
}

TEST_CASE("emu: shuffles and votes") {
  std::vector<int> x(32);
  for (int i = 0; i < 32; ++i) x[i] = 100 + i * i;
  const Array<int> device_x(x);
  in_every_order([&] {
    const Array<int> y(160);
    LAUNCH(warp_functions, (Grid{1, 32}), device_x.at, y.at);
    const std::vector<int> got = y.host();
    uint32_t thirds = 0;
    for (int i = 0; i < 32; ++i) thirds |= uint32_t{x[i] % 3 == 0} << i;
    for (int i = 0; i < 32; ++i) {
      CHECK(got[i] == x[5]);
      CHECK(got[32 + i] == x[i + 3 < 32 ? i + 3 : i]);
      CHECK(got[64 + i] == x[i ^ 16]);
      CHECK(static_cast<uint32_t>(got[96 + i]) == thirds);
      CHECK(got[128 + i] == x[i ^ 1] + 1);  // lane 20 is in the upper half, lanes below 16 in the lower
    }
  });
}

TEST_CASE("emu: barriers that count") {
  in_every_order([&] {
    const Array<int> y(96);
    LAUNCH(block_functions, (Grid{1, 96}), y.at);
    CHECK(y.host() == std::vector<int>(96, 32 * 4 + 1 * 2 + 0));
  });
}

TEST_CASE("emu: dynamic shared memory, and integer atomics between blocks") {
  std::vector<int> x(4 * 48), reversed(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int>(i);
  for (size_t i = 0; i < x.size(); ++i) reversed[i] = x[i / 48 * 48 + 47 - i % 48];
  const Array<int> device_x(x);
  in_every_order([&] {
    const Array<int> y(x.size()), odd(std::vector<int>{0});
    LAUNCH(reverse_and_count, (Grid{.blocks = 4, .threads = 48, .shared_bytes = 48 * sizeof(int)}), device_x.at, y.at,
           odd.at);
    CHECK(y.host() == reversed);
    CHECK(odd.host()[0] == 96);
  });
}

TEST_CASE("emu: a pipeline of asynchronous copies") {
  std::vector<float> x(5 * 32);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const Array<float> device_x(x);
  in_every_order([&] {
    const Array<float> sum(32);
    LAUNCH(pipelined_sum, (Grid{1, 32}), device_x.at, sum.at, 5);
    for (int i = 0; i < 32; ++i) CHECK(sum.host()[i] == 5 * (31 - i) + 32 * (0 + 1 + 2 + 3 + 4));
  });
}

TEST_CASE("emu: threads that never wait are a plain loop") {
#if !defined(__SANITIZE_THREAD__)  // which needs a fiber for each thread
  const Array<float> y(8 * 256);
  const uint64_t switches = statistics().switches, threads = statistics().threads;
  LAUNCH(plain_loop, (Grid{8, 256}), y.at);
  CHECK(statistics().threads - threads == 8 * 256);
  CHECK(statistics().switches - switches <= 8);
#endif
}

TEST_CASE("emu: after an error the next launch is as good as new") {
  in_every_order([&] {
    CHECK_THROWS_AS(LAUNCH(half_a_barrier, (Grid{2, 64})), Error);
    const Array<int> y(96);
    LAUNCH(block_functions, (Grid{1, 96}), y.at);
    CHECK(y.host() == std::vector<int>(96, 32 * 4 + 1 * 2 + 0));
  });
}

TEST_CASE("emu: an empty grid launches nothing") {
  const uint64_t launches = statistics().launches;
  LAUNCH(plain_loop, (Grid{0, 256}), static_cast<float*>(nullptr));
  CHECK(statistics().launches == launches);
}

TEST_CASE("emu: the runtime") {
  const Stream stream = runtime.create_stream();
  float* const x = static_cast<float*>(runtime.allocate(100 * sizeof(float), stream));
  std::vector<float> host(100);
  runtime.copy(host.data(), x, 400, stream);
  runtime.synchronize(stream);
  for (const float fresh : host) CHECK(std::isnan(fresh));
  runtime.set_bytes(x, 0, 200, stream);
  runtime.copy(host.data(), x, 400, stream);
  CHECK(host[49] == 0);
  CHECK(std::isnan(host[50]));
  const Event begin = runtime.create_event(), end = runtime.create_event();
  runtime.record(begin, stream);
  runtime.wait(stream, begin);
  runtime.record(end, stream);
  CHECK(runtime.milliseconds(begin, end) >= 0);
  runtime.destroy_event(begin), runtime.destroy_event(end);
  runtime.release(x, stream);
  CHECK_THROWS_AS(runtime.release(x, stream), Error);
  runtime.destroy_stream(stream);
}

}  // namespace limbic::emu
