// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/ptx_kernels.h"

#include "kernels/gpu_bf16.h"
#include "kernels/ptx.h"

namespace limbic::LIMBIC_DEVICE {
namespace {

constexpr int lanes = 32;

/// Word `i` of the lane's results.
__device__ uint32_t& result(uint32_t* out, int i) { return out[i * lanes + threadIdx.x]; }

/// A small whole number, another for each place of a matrix: in TF32 and in BF16 it is itself.
__device__ float number(int row, int column, int salt) {
  return static_cast<float>((row * 31 + column * 17 + salt) % 29 - 14);
}

__global__ void round_to_tf32_bits(uint32_t* out) {
  constexpr uint32_t infinity = 0x7f800000,
                     in[8] = {0x3f800000, 0x3f801000, 0x3f800fff, 0x3f803000, 0, 0x00001fff, 0x7f7fe000, infinity};
  const uint32_t sign = threadIdx.x % 2 << 31, more = threadIdx.x / 2 * 0x251;  // ties, and what is just above or below
  for (int i = 0; i < 8; ++i) {
    const uint32_t bits = in[i] == infinity ? infinity : min(in[i] + more, infinity - 1);
    result(out, i) = to_tf32(__uint_as_float(bits | sign));
  }
}

__global__ void multiply_tf32(uint32_t* out) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; ++i) a[i] = to_tf32(number(g + i % 2 * 8, t + i / 2 * 4, 1));
  for (int i = 0; i < 2; ++i) b[i] = to_tf32(number(t + i * 4, g, 2));
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = number(g + i / 2 * 8, 2 * t + i % 2, 3);
  mma_m16n8k8_tf32(d, a, b);
  for (int i = 0; i < 4; ++i) result(out, i) = __float_as_uint(d[i]);
}

__device__ uint32_t bf16_pair(float low, float high) {
  return to_bf16(low) | static_cast<uint32_t>(to_bf16(high)) << 16;
}

__global__ void multiply_bf16(uint32_t* out) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; ++i) {
    const int row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
    a[i] = bf16_pair(number(row, column, 4), number(row, column + 1, 4));
  }
  for (int i = 0; i < 2; ++i) b[i] = bf16_pair(number(2 * t + i * 8, g, 5), number(2 * t + i * 8 + 1, g, 5));
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = number(g + i / 2 * 8, 2 * t + i % 2, 6);
  mma_m16n8k16_bf16(d, a, b);
  for (int i = 0; i < 4; ++i) result(out, i) = __float_as_uint(d[i]);
}

template <bool transpose>
__global__ void load_matrices(uint32_t* out) {
  SHARED(tile, uint16_t[32][8]);
  for (int i = 0; i < 8; ++i) tile[threadIdx.x][i] = static_cast<uint16_t>(threadIdx.x * 256 + i);
  __syncwarp();
  uint32_t r[4];
  ldmatrix_x4<transpose>(r, &tile[(threadIdx.x * 5 + 3) % 32][0]);  // rows in an order of their own
  for (int i = 0; i < 4; ++i) result(out, i) = r[i];
}

__global__ void fill(uint32_t* work) {
  for (int i = threadIdx.x; i < 128; i += lanes) work[i] = 0x40000000u + i;
}

/// One copy of `bytes`, of which lane l has l % (bytes + 1) read.
template <int bytes>
__global__ void copy_part(uint32_t* out, const uint32_t* work) {
  constexpr int words = bytes / 4;
  SHARED(target, uint32_t[lanes][4]);
  const unsigned lane = threadIdx.x;
  for (int i = 0; i < 4; ++i) target[lane][i] = 0xabababab;
  cp_async<bytes>(target[lane], work + lane * words, lane % (bytes + 1));
  cp_async_commit();
  cp_async_wait<0>();
  for (int i = 0; i < 4; ++i) result(out, i) = target[lane][i];
}

/// Three groups; each is read as soon as it must be there.
__global__ void copy_in_groups(uint32_t* out, const uint32_t* work) {
  SHARED(target, uint32_t[3][lanes]);
  const int lane = threadIdx.x;
  for (int group = 0; group < 3; ++group) {
    cp_async<4>(&target[group][lane], work + 32 * group + lane);
    cp_async_commit();
  }
  cp_async_wait<2>();
  result(out, 0) = target[0][lane];
  cp_async_wait<1>();
  result(out, 1) = target[1][lane];
  cp_async_wait<0>();
  __syncwarp();
  result(out, 2) = target[2][(lane + 1) % lanes];  // brought by the next lane
}

Grid one_warp(Stream stream) { return {.blocks = 1, .threads = lanes, .stream = stream}; }

template <int bytes>
void run_copy_part(uint32_t* out, uint32_t* work, Stream s) {
  LAUNCH(fill, one_warp(s), work);
  LAUNCH(copy_part<bytes>, one_warp(s), out, work);
}

const test::PtxCase cases[] = {
    {"to_tf32", 8, [](uint32_t* out, uint32_t*, Stream s) { LAUNCH(round_to_tf32_bits, one_warp(s), out); }},
    {"mma_m16n8k8_tf32", 4, [](uint32_t* out, uint32_t*, Stream s) { LAUNCH(multiply_tf32, one_warp(s), out); }},
    {"mma_m16n8k16_bf16", 4, [](uint32_t* out, uint32_t*, Stream s) { LAUNCH(multiply_bf16, one_warp(s), out); }},
    {"ldmatrix_x4", 4, [](uint32_t* out, uint32_t*, Stream s) { LAUNCH(load_matrices<false>, one_warp(s), out); }},
    {"ldmatrix_x4<true>", 4, [](uint32_t* out, uint32_t*, Stream s) { LAUNCH(load_matrices<true>, one_warp(s), out); }},
    {"cp_async<4>", 4, run_copy_part<4>},
    {"cp_async<8>", 4, run_copy_part<8>},
    {"cp_async<16>", 4, run_copy_part<16>},
    {"cp_async_wait", 3,
     [](uint32_t* out, uint32_t* work, Stream s) {
       LAUNCH(fill, one_warp(s), work);
       LAUNCH(copy_in_groups, one_warp(s), out, work);
     }},
};

}  // namespace

std::span<const test::PtxCase> ptx_cases() { return cases; }

}  // namespace limbic::LIMBIC_DEVICE
