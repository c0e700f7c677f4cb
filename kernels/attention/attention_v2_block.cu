// SPDX-License-Identifier: Apache-2.0
// Idea: a block a sequence does all of it: scores, masked softmax, weighted sum; backward all but the sum of dw.
// Changed from v1: a warp reads a step's row of u, or of h, together; the block's threads meet between the steps of the
// formula, not at the end of a launch. Padding is not read.
// Why faster: one launch instead of three, two instead of five; forward each row of u and h is read once, 128 bytes a
// request; scores and weights, a few hundred bytes, stay in L1.
// Limited by: memory bandwidth with many sequences; with few, one multiprocessor a sequence and its latency.
// Next: the layer before it, whose rows u a block could make from h on tensor cores.
#include "kernels/attention/attention_device.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int attention_threads = 256, attention_warps = attention_threads / 32;

/// All threads of the block get the sum of the warps' values (those of lane 0); `of_warp` may be used again at once.
__device__ inline float attention_total(double value, double* of_warp) {
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < attention_warps; ++w) total += of_warp[w];
  __syncthreads();
  return static_cast<float>(total);
}

/// out[c] = sum over t < length of factor[t] * rows[t,c]: a warp every eighth t, 32 columns at a time; then the eight
/// sums in order.
__device__ inline void attention_sum_rows(int length, int width, const float* factor, const float* rows, float* out,
                                          double (*of_warp)[32]) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int c = lane; c < width + lane; c += 32) {  // all lanes go round as often, for the barriers
    LongSum own;
    for (int t = warp; t < length && c < width; t += attention_warps) own.add(factor[t] * rows[int64_t{t} * width + c]);
    of_warp[warp][lane] = own.value();
    __syncthreads();
    double total = 0;
    for (int w = 0; w < attention_warps; ++w) total += of_warp[w][lane];
    if (warp == 0 && c < width) out[c] = static_cast<float>(total);
    __syncthreads();
  }
}

__global__ void __launch_bounds__(attention_threads)
    attention_fwd_v2(AttentionDims d, const float* u, const float* w, const float* bias, const float* h,
                     const int32_t* lengths, float* scores, float* weights, float* y) {
  SHARED(of_warp, double[attention_warps]);
  SHARED(top_of_warp, float[attention_warps]);
  SHARED(rows_of_warp, double[attention_warps][32]);
  const int64_t n = blockIdx.x, first = n * d.T;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, length = attention_length(d, lengths, n);
  float top = -INFINITY;
  for (int t = warp; t < d.T; t += attention_warps) {
    LongSum own;
    for (int a = lane; a < d.A && t < length; a += 32) own.add(w[a] * u[(first + t) * d.A + a]);
    const float z = static_cast<float>(warp_sum(own.value())) + bias[0];
    const float score = t < length ? tanhf(z) : 0.0f, dropped = score * attention_kept(d, first + t);
    if (t < length) top = fmaxf(top, dropped);
    if (lane == 0) scores[first + t] = score, weights[first + t] = t < length ? dropped : 0.0f;
  }
  if (lane == 0) top_of_warp[warp] = top;
  __syncthreads();
  for (int v = 0; v < attention_warps; ++v) top = fmaxf(top, top_of_warp[v]);
  LongSum own;
  for (int t = threadIdx.x; t < length; t += attention_threads) own.add(expf(weights[first + t] - top));
  const float all = attention_total(warp_sum(own.value()), of_warp);
  for (int t = threadIdx.x; t < length; t += attention_threads) {
    weights[first + t] = expf(weights[first + t] - top) / all;
  }
  __syncthreads();
  attention_sum_rows(length, d.E, weights + first, h + first * d.E, y + n * d.E, rows_of_warp);
}

/// dz [N,T] between; dw_of [N,A+1]: each sequence's part of dw and dbias.
__global__ void __launch_bounds__(attention_threads)
    attention_bwd_v2(AttentionDims d, const float* u, const float* w, const float* h, const int32_t* lengths,
                     const float* scores, const float* weights, const float* dy, float* du, float* dh, float* dz,
                     float* dw_of) {
  SHARED(of_warp, double[attention_warps]);
  SHARED(rows_of_warp, double[attention_warps][32]);
  const int64_t n = blockIdx.x, first = n * d.T;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, length = attention_length(d, lengths, n);
  LongSum weighted;
  for (int t = warp; t < d.T; t += attention_warps) {
    const int64_t i = first + t;
    LongSum own;
    for (int e = lane; e < d.E; e += 32) {
      const float of_y = dy[n * d.E + e];
      if (t < length) own.add(of_y * h[i * d.E + e]);
      dh[i * d.E + e] = t < length ? weights[i] * of_y : 0.0f;
    }
    const float dweight = static_cast<float>(warp_sum(own.value()));
    weighted.add(weights[i] * dweight);
    if (lane == 0) dz[i] = dweight;
  }
  const float sum = attention_total(weighted.value(), of_warp);
  LongSum of_bias;
  for (int t = threadIdx.x; t < length; t += attention_threads) {
    const int64_t i = first + t;
    dz[i] = attention_dz(d, i, scores[i], weights[i], dz[i], sum);
    of_bias.add(dz[i]);
  }
  const float dbias = attention_total(warp_sum(of_bias.value()), of_warp);
  for (int t = warp; t < d.T; t += attention_warps)
    for (int a = lane; a < d.A; a += 32) du[(first + t) * d.A + a] = t < length ? dz[first + t] * w[a] : 0.0f;
  dw_of += n * (d.A + 1);
  attention_sum_rows(length, d.A, dz + first, u + first * d.A, dw_of, rows_of_warp);
  if (threadIdx.x == 0) dw_of[d.A] = dbias;
}

__global__ void attention_dw_v2(AttentionDims d, const float* dw_of, float* dw, float* dbias) {
  const int64_t a = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (a > d.A) return;
  LongSum sum;
  for (int64_t n = 0; n < d.N; ++n) sum.add(dw_of[n * (d.A + 1) + a]);
  *(a < d.A ? dw + a : dbias) = static_cast<float>(sum.value());
}

namespace {

Grid block_a_sequence(const AttentionDims& d, Stream stream) {
  return {.blocks = static_cast<unsigned>(d.N), .threads = attention_threads, .stream = stream};
}

}  // namespace

size_t attention_bwd_scratch_v2(const AttentionDims& d) { return size_t(d.N) * (size_t(d.T) + d.A + 1); }

void attention_fwd_v2_block(const AttentionDims& d, const float* u, const float* w, const float* bias, const float* h,
                            const int32_t* lengths, float* scores, float* weights, float* y, Stream stream) {
  LAUNCH(attention_fwd_v2, block_a_sequence(d, stream), d, u, w, bias, h, lengths, scores, weights, y);
}

void attention_bwd_v2_block(const AttentionDims& d, const float* u, const float* w, const float* h,
                            const int32_t* lengths, const float* scores, const float* weights, const float* dy,
                            float* du, float* dw, float* dbias, float* dh, float* scratch, Stream stream) {
  float* const dw_of = scratch + int64_t{d.N} * d.T;
  LAUNCH(attention_bwd_v2, block_a_sequence(d, stream), d, u, w, h, lengths, scores, weights, dy, du, dh, scratch,
         dw_of);
  LAUNCH(attention_dw_v2, (Grid{.blocks = blocks_for(d.A + 1, 128), .threads = 128, .stream = stream}), d, dw_of, dw,
         dbias);
}

}  // namespace limbic::LIMBIC_DEVICE
