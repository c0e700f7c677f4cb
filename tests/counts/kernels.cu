// SPDX-License-Identifier: Apache-2.0
#include "kernels/gpu.h"
#include "kernels/gpu_sum.h"
#include "kernels/ptx.h"
#include "tests/counts/kernels.h"

namespace limbic::emu {
namespace {

__global__ void coalesced(int n, const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i];
}

__global__ void strided(int n, int stride, const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[stride * i];
}

__global__ void vectors(int n, const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (4 * i >= n) return;
  const float4 v = reinterpret_cast<const float4*>(x)[i];
  reinterpret_cast<float4*>(y)[i] = make_float4(v.x, v.y, v.z, v.w);
}

__global__ void column(int pitch, float* y) {
  SHARED(tile, float[32 * 33]);
  const int lane = threadIdx.x;
  for (int row = 0; row < 32; ++row) tile[row * pitch + lane] = static_cast<float>(row);
  __syncthreads();
  y[lane] = tile[lane * pitch];
}

__global__ void branch(int n, const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float v = x[i];
  if (i % 2) {
    y[i] = v * 2;
  } else {
    y[i] = v + 1;
    y[n + i] = v + 2;
  }
}

__global__ void loop(float* y) {
  for (unsigned i = 0; i <= threadIdx.x; ++i) y[i * 32 + threadIdx.x] = 1;
}

__global__ void chain(int n, int times, float a, const float* x, float* y) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float v = x[i];
  for (int t = 0; t < times; ++t) v = a * v + x[i];
  y[i] = v;
}

__global__ void shuffled(const float* x, float* y) {
  const float sum = warp_sum(x[threadIdx.x]);
  if (threadIdx.x == 0) y[0] = sum;
}

__global__ void late(const float* x, float* y) {
  SHARED(tile, float[128]);
  cp_async<16>(&tile[4 * threadIdx.x], x + 4 * threadIdx.x);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();
  for (int i = 0; i < 4; ++i) y[32 * i + threadIdx.x] = tile[32 * i + threadIdx.x];
}

__global__ void product(float* y) {
  float d[4] = {};
  const uint32_t a[4] = {}, b[2] = {};
  mma_m16n8k8_tf32(d, a, b);
  mma_m16n8k8_tf32(d, a, b);
  y[threadIdx.x] = d[0];
}

__global__ void votes(unsigned* total) { atomicAdd(total, 1u); }

}  // namespace

void coalesced_copy(int n, const float* x, float* y) {
  LAUNCH(coalesced, (Grid{.blocks = blocks_for(n, 128), .threads = 128}), n, x, y);
}
void strided_copy(int n, int stride, const float* x, float* y) {
  LAUNCH(strided, (Grid{.blocks = blocks_for(n, 128), .threads = 128}), n, stride, x, y);
}
void vector_copy(int n, const float* x, float* y) {
  LAUNCH(vectors, (Grid{.blocks = blocks_for(n / 4, 128), .threads = 128}), n, x, y);
}
void column_read(int pitch, float* y) { LAUNCH(column, (Grid{.blocks = 1, .threads = 32}), pitch, y); }
void add_or_double(int n, const float* x, float* y) {
  LAUNCH(branch, (Grid{.blocks = blocks_for(n, 128), .threads = 128}), n, x, y);
}
void loop_of_lane_length(float* y) { LAUNCH(loop, (Grid{.blocks = 1, .threads = 32}), y); }
void multiply_add(int n, int times, float a, const float* x, float* y) {
  LAUNCH(chain, (Grid{.blocks = blocks_for(n, 128), .threads = 128}), n, times, a, x, y);
}
void sum_by_shuffles(const float* x, float* y) { LAUNCH(shuffled, (Grid{.blocks = 1, .threads = 32}), x, y); }
void copy_by_cp_async(const float* x, float* y) { LAUNCH(late, (Grid{.blocks = 1, .threads = 32}), x, y); }
void one_tensor_product(float* y) { LAUNCH(product, (Grid{.blocks = 1, .threads = 32}), y); }
void count_lanes(unsigned* total) { LAUNCH(votes, (Grid{.blocks = 1, .threads = 32}), total); }

}  // namespace limbic::emu
