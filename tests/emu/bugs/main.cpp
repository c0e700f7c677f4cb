// SPDX-License-Identifier: Apache-2.0
// Kernels with one bug each. emu_bugs NAME runs one; what is wrong must be reported on stderr, with the line that is
// marked "bug: NAME". Exit codes: 0 nothing was noticed, 1 an error or a wrong result (a sanitizer has its own).
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/ptx.h"
#include "tests/emu/bugs/bugs.h"

namespace limbic::emu {
namespace {

// Out of bounds

__global__ void shared_past_end(const float* x, float* y) {
  SHARED(tile, float[32]);
  float* const cell = tile;
  const unsigned i = threadIdx.x;
  cell[i == 7 ? 32 : i] = x[i];  // bug: shared_past_end
  __syncthreads();
  y[i] = i == 7 ? x[i] : tile[i];
}

__global__ void shared_before_begin(const float* x, float* y) {
  SHARED(tile, float[32]);
  float* const cell = tile;
  const int i = self();
  cell[i == 0 ? -1 : i] = x[i];  // bug: shared_before_begin
  y[i] = x[i];
}

__global__ void shared_next_row(const float* x, float* y) {
  SHARED(tile, float[32][4]);
  const unsigned i = threadIdx.x;
  for (int j = 0; j < 4; ++j) tile[i][j] = x[i];
  __syncthreads();
  volatile int column = i == 7 ? 4 : 0;  // the compiler must not see it
  y[i] = tile[i][column] - (i == 7);     // bug: shared_next_row
}

__global__ void global_past_end(const float* x, float* y) {
  const int i = self();
  y[i] = x[i == 5 ? 128 : i];  // bug: global_past_end
}

__global__ void global_write_past_end(const float* x, float* y) {
  const int i = self();
  y[i == 5 ? 128 : i] = x[i];  // bug: global_write_past_end
}

__global__ void global_before_begin(const float* x, float* y) {
  const int i = self();
  y[i == 5 ? -1 : i] = x[i];  // bug: global_before_begin
}

__global__ void wild_pointer(const float* x, float* y) {
  y[self()] = x[int64_t{1} << 40];  // bug: wild_pointer
}

__global__ void misaligned_vector(const float* x, float* y) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1);  // bug: misaligned_vector
  y[self()] = v.x + v.y;
}

int depth(int n, const volatile char* caller) {
  volatile char frame[1024];
  frame[n % 1024] = static_cast<char>(caller[n % 1024] + 1);
  return n ? depth(n - 1, frame) + frame[n % 1024] : frame[0];  // bug: stack_overflow
}
__global__ void stack_overflow(const float*, float* y) {
  volatile char frame[1024] = {};
  y[self()] = static_cast<float>(depth(1000, frame));
}

// Barriers

__global__ void missing_barrier(const float* x, float* y) {
  SHARED(tile, float[64]);
  const unsigned i = threadIdx.x;
  tile[i] = x[i];  // bug: missing_barrier
  y[i] = tile[63 - i];
}

__global__ void lucky_without_barrier(const float* x, float* y) {
  SHARED(tile, float[64]);
  const unsigned i = threadIdx.x;
  tile[i] = x[i];  // bug: lucky_without_barrier
  y[i] = tile[i ? i - 1 : 0];
}

__global__ void missing_barrier_at_loop_end(const float* x, float* y) {
  SHARED(tile, float[64]);
  const unsigned i = threadIdx.x;
  float sum = 0;
  for (int step = 0; step < 2; ++step) {
    tile[i] = x[i] + step;  // bug: missing_barrier_at_loop_end
    __syncthreads();
    sum += tile[63 - i];
  }
  y[i] = sum;
}

__global__ void missing_syncwarp(const float* x, float* y) {
  SHARED(tile, float[32]);
  const unsigned i = threadIdx.x;
  tile[i] = x[i];  // bug: missing_syncwarp
  y[i] = tile[i ^ 1];
}

__global__ void barrier_in_a_branch(const float* x, float* y) {
  if (threadIdx.x < 16) __syncthreads();  // bug: barrier_in_a_branch
  y[self()] = x[self()];
}

__global__ void barrier_in_each_branch(const float* x, float* y) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    __syncthreads();  // bug: barrier_in_each_branch
  }
  y[self()] = x[self()];
}

__global__ void early_return(const float* x, float* y) {
  if (self() >= 40) return;
  __syncthreads();  // bug: early_return
  y[self()] = x[self()];
}

// Races

__global__ void race_of_equals(const float* x, float* y) {
  y[0] = x[0];  // bug: race_of_equals
}

__global__ void last_block_wins(const float* x, float* y) {
  y[0] = x[blockIdx.x];  // bug: last_block_wins
}

__global__ void sum_without_atomics(const float* x, float* y) {
  if (threadIdx.x == 0) y[0] += x[1];  // bug: sum_without_atomics
}

// Undefined values

__global__ void uninitialised_shared(const float* x, float* y) {
  SHARED(tile, float[32]);
  const unsigned i = threadIdx.x;
  if (i < 31) tile[i] = x[i];  // bug: uninitialised_shared
  __syncthreads();
  y[i] = tile[i];
}

__global__ void unwritten_output(const float* x, float* y) {
  if (self() < 31) y[self()] = x[self()];  // bug: unwritten_output
}

__global__ void copy_not_waited_for(const float* x, float* y) {
  SHARED(tile, float[32]);
  cp_async<4>(&tile[threadIdx.x], &x[threadIdx.x]);
  cp_async_commit();
  __syncthreads();
  y[self()] = tile[threadIdx.x];  // bug: copy_not_waited_for
}

__global__ void copy_of_another_thread(const float* x, float* y) {
  SHARED(tile, float[32]);
  cp_async<4>(&tile[threadIdx.x], &x[threadIdx.x]);
  cp_async_commit();
  cp_async_wait<0>();
  y[self()] = tile[31 - threadIdx.x];  // bug: copy_of_another_thread
}

__global__ void one_group_too_few(const float* x, float* y) {
  SHARED(tile, float[2][32]);
  for (int k = 0; k < 2; ++k) {
    cp_async<4>(&tile[k][threadIdx.x], &x[threadIdx.x]);
    cp_async_commit();
  }
  cp_async_wait<1>();
  __syncthreads();
  y[self()] = tile[1][threadIdx.x];  // bug: one_group_too_few
}

// Warps

__global__ void absent_lane(const float* x, float* y) {
  const int i = self();
  y[i] = i < 16 ? __shfl_xor_sync(0xffff, x[i], 16) : x[i];  // bug: absent_lane
}

__global__ void returned_lane(const float* x, float* y) {
  const int i = self();
  if (i >= 24) return;
  y[i] = __shfl_down_sync(0xffffffff, x[i], 8);  // bug: returned_lane
}

__global__ void lanes_elsewhere(const float* x, float* y) {
  const int i = self();
  float v = x[i];
  if (i < 16) v += __shfl_xor_sync(0xffffffff, v, 1);  // bug: lanes_elsewhere
  __syncthreads();
  y[i] = v;
}

__global__ void not_in_its_mask(const float* x, float* y) {
  y[self()] = __shfl_sync(0xffff, x[self()], 0);  // bug: not_in_its_mask
}

__global__ void two_shuffles_meet(const float* x, float* y) {
  const int i = self();
  const float v = x[i];
  float w;
  if (i < 16) {
    w = __shfl_xor_sync(0xffffffff, v, 1);
  } else {
    w = __shfl_down_sync(0xffffffff, v, 1);  // bug: two_shuffles_meet
  }
  y[i] = w;
}

__global__ void mma_in_part_of_a_warp(const float* x, float* y) {
  float d[4] = {};
  const uint32_t a[4] = {}, b[2] = {};
  if (threadIdx.x < 16) mma_m16n8k8_tf32(d, a, b);  // bug: mma_in_part_of_a_warp
  y[self()] = x[self()] + d[0];
}

__global__ void not_rounded_to_tf32(const float* x, float* y) {
  float d[4] = {};
  const uint32_t third = __float_as_uint(x[1] / 3);
  const uint32_t a[4] = {third, third, third, third}, b[2] = {};
  mma_m16n8k8_tf32(d, a, b);  // bug: not_rounded_to_tf32
  y[self()] = x[self()] + d[0];
}

__global__ void ldmatrix_misaligned(const float* x, float* y) {
  SHARED(tile, float[32][5]);
  for (int i = 0; i < 5; ++i) tile[threadIdx.x][i] = 0;
  __syncwarp();
  uint32_t r[4];
  ldmatrix_x4(r, &tile[threadIdx.x][0]);  // bug: ldmatrix_misaligned
  y[self()] = x[self()] + __uint_as_float(r[0]);
}

__global__ void too_much_shared(const float* x, float* y) {
  SHARED(tile, float[50][256]);  // bug: too_much_shared
  tile[0][threadIdx.x] = x[threadIdx.x];
  y[self()] = tile[0][threadIdx.x];
}

// The host's

__global__ void identity(const float* x, float* y) { y[self()] = x[self()]; }

bool host_pointer() {
  std::vector<float> x(128);
  Counting y(128);
  LAUNCH(identity, (Grid{1, 32}), x.data(), y.at);  // bug: host_pointer
  return true;
}

bool released_pointer() {
  Counting y(128);
  void* const x = allocate(512);
  release(x);
  LAUNCH(identity, (Grid{1, 32}), static_cast<float*>(x), y.at);  // bug: released_pointer
  return true;
}

bool block_too_large() {
  Counting x(128), y(128);
  LAUNCH(identity, (Grid{1, 2048}), x.at, y.at);  // bug: block_too_large
  return true;
}

bool host_reads_device() {
  Counting x(128);
  LAUNCH(identity, (Grid{1, 32}), x.at, x.at);
  return x.at[3] == 3;
}

bool copy_past_end() {
  Counting x(128);
  std::vector<float> v(256);
  copy(v.data(), x.at, 256 * sizeof(float));
  return true;
}

#define KERNEL(kernel, blocks, threads, expected)                             \
  {                                                                           \
#kernel, [] { return gives(#kernel, kernel, blocks, threads, expected); } \
  }
#define HOST(function) \
  { #function, function }

const Bug bugs[] = {
    KERNEL(shared_past_end, 1, 32, anything),
    KERNEL(shared_before_begin, 1, 32, anything),
    KERNEL(shared_next_row, 1, 31, anything),
    KERNEL(global_past_end, 1, 32, anything),
    KERNEL(global_write_past_end, 1, 32, anything),
    KERNEL(global_before_begin, 1, 32, anything),
    KERNEL(wild_pointer, 1, 32, anything),
    KERNEL(misaligned_vector, 1, 32, [](int) { return 3.0f; }),
    KERNEL(stack_overflow, 1, 32, anything),
    KERNEL(missing_barrier, 1, 64, [](int i) { return 63.0f - i; }),
    KERNEL(lucky_without_barrier, 1, 64, [](int i) { return i ? i - 1.0f : 0.0f; }),
    KERNEL(missing_barrier_at_loop_end, 1, 64, [](int i) { return 127.0f - 2 * i; }),
    KERNEL(missing_syncwarp, 1, 32, [](int i) { return static_cast<float>(i ^ 1); }),
    KERNEL(barrier_in_a_branch, 1, 32, anything),
    KERNEL(barrier_in_each_branch, 1, 32, anything),
    KERNEL(early_return, 1, 64, anything),
    {"race_of_equals",
     [] {
       return gives(
           "race_of_equals", race_of_equals, 1, 32, [](int) { return 0.0f; }, 1);
     }},
    {"last_block_wins",
     [] {
       return gives(
           "last_block_wins", last_block_wins, 4, 1, [](int) { return 3.0f; }, 1);
     }},
    {"sum_without_atomics",
     [] {
       return gives(
           "sum_without_atomics", sum_without_atomics, 4, 32, [](int) { return 4.0f; }, 1);
     }},
    KERNEL(uninitialised_shared, 1, 32, anything),
    {"unwritten_output",
     [] {
       Counting x(128);
       float* const y = static_cast<float*>(allocate(128));
       LAUNCH(unwritten_output, (Grid{1, 32}), x.at, y);
       std::vector<float> got(32);
       copy(got.data(), y, 128);
       release(y);
       return got[31] == 31;
     }},
    KERNEL(copy_not_waited_for, 1, 32, anything),
    KERNEL(copy_of_another_thread, 1, 32, [](int i) { return 31.0f - i; }),
    KERNEL(one_group_too_few, 1, 32, anything),
    KERNEL(absent_lane, 1, 32, anything),
    KERNEL(returned_lane, 1, 32, anything),
    KERNEL(lanes_elsewhere, 1, 32, anything),
    KERNEL(not_in_its_mask, 1, 32, anything),
    KERNEL(two_shuffles_meet, 1, 32, anything),
    KERNEL(mma_in_part_of_a_warp, 1, 32, anything),
    KERNEL(not_rounded_to_tf32, 1, 32, anything),
    KERNEL(ldmatrix_misaligned, 1, 32, anything),
    KERNEL(too_much_shared, 1, 32, anything),
    HOST(host_pointer),
    HOST(released_pointer),
    HOST(block_too_large),
    HOST(host_reads_device),
    HOST(copy_past_end),
};

}  // namespace
}  // namespace limbic::emu

int main(int argc, char** argv) {
  using limbic::emu::bugs, limbic::emu::warpgroup_bugs;
  std::vector<limbic::emu::Bug> all(std::begin(bugs), std::end(bugs));
  all.insert(all.end(), warpgroup_bugs().begin(), warpgroup_bugs().end());
  for (const auto& bug : all) {
    if (argc < 2) {
      std::puts(bug.name);
    } else if (!std::strcmp(bug.name, argv[1])) {
      try {
        if (bug.runs_right()) return 0;
        std::fputs("wrong result\n", stderr);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
      return 1;
    }
  }
  return argc < 2 ? 0 : 2;
}
