// SPDX-License-Identifier: Apache-2.0
// Idea: a warpgroup multiplies 64 x 128 x 16 with one wgmma, whose operands stay in shared memory, and one thread has
// the copy engine bring them there.
// Changed from v4: A and B become bf16 in scratch memory first, as they lie: wgmma takes either operand either way
// round, and bulk copies fill the borders with zeros; four stages of 64 deep in flight, on mbarriers.
// Why faster: no thread computes an address, no register holds an operand; 128x128 tiles halve the reads from L2.
// Limited by: copying to bf16 first; a block for each tile, so that nothing overlaps its end.
// Next: blocks that stay for several tiles; bf16 matrices as they come. Unmeasured, so by name only.
#include "kernels/gpu_bf16_scratch.h"
#include "kernels/gpu_runtime.h"
#include "kernels/matmul/matmul_device.h"
#include "kernels/wgmma_gemm.h"

namespace limbic::LIMBIC_DEVICE {

template <bool trans_a, bool trans_b, int columns>
__global__ void __launch_bounds__(wgmma_threads)
    matmul_v5(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, MatmulDims d, const float* bias,
              float* c) {
  const int m0 = blockIdx.y * wgmma_rows, n0 = blockIdx.x * columns, matrix = blockIdx.z;
  wgmma_gemm<columns, trans_a, !trans_b>(
      (d.K + wgmma_depth - 1) / wgmma_depth,
      [&](int step, char* tile_a, char* tile_b, uint64_t* full) {
        const int k = step * wgmma_depth;
        if constexpr (trans_a) {  // [K, M]
          bulk_copy(tile_a, a, {m0, k, matrix}, full);
          bulk_copy(tile_a + wgmma_block, a, {m0 + 64, k, matrix}, full);
        } else {
          bulk_copy(tile_a, a, {k, m0, matrix}, full);
        }
        if constexpr (trans_b) {  // [N, K]
          bulk_copy(tile_b, b, {k, n0, matrix}, full);
        } else {
          for (int i = 0; i < columns / 64; ++i) bulk_copy(tile_b + i * wgmma_block, b, {n0 + 64 * i, k, matrix}, full);
        }
      },
      [&](int row) { return m0 + row < d.M ? c + (int64_t{matrix} * d.M + m0 + row) * d.N : nullptr; },
      [&](float* row, int column, float sum) {
        const int n = n0 + column;
        if (row && n < d.N) row[n] = bias ? sum + bias[n] : sum;
      });
}

namespace {

/// The batch's matrices [rows, n]; a copy brings 64 of a row, and `height` rows.
TensorMap map_of_matrices(const uint16_t* m, int n, int rows, int batch, int height) {
  const int64_t row = Bf16Scratch::padded(n);
  return make_tensor_map(
      {.tensor = m, .rank = 3, .size = {n, rows, batch}, .stride = {1, row, row * rows}, .box = {64, height, 1}});
}

template <bool trans_a, bool trans_b, int columns>
void launch_v5(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c, float* scratch,
               Stream stream) {
  Bf16Scratch rounded(scratch, stream);
  const int rows_a = trans_a ? d.K : d.M, n_a = trans_a ? d.M : d.K;
  const int rows_b = trans_b ? d.N : d.K, n_b = trans_b ? d.K : d.N;
  const TensorMap map_a = map_of_matrices(rounded.add(int64_t{d.batch} * rows_a, n_a, a), n_a, rows_a, d.batch,
                                          trans_a ? wgmma_depth : wgmma_rows);
  const TensorMap map_b = map_of_matrices(rounded.add(int64_t{d.batch} * rows_b, n_b, b), n_b, rows_b, d.batch,
                                          trans_b ? columns : wgmma_depth);
  const Grid grid{.blocks = matmul_blocks(d, wgmma_rows, columns),
                  .threads = wgmma_threads,
                  .shared_bytes = size_t{wgmma_stages} * wgmma_stage<columns>,
                  .stream = stream};
  LAUNCH((matmul_v5<trans_a, trans_b, columns>), grid, map_a, map_b, d, bias, c);
}

template <bool trans_a, bool trans_b>
auto launcher(const MatmulDims& d) {
  return d.N > 64 ? launch_v5<trans_a, trans_b, 128> : launch_v5<trans_a, trans_b, 64>;
}

}  // namespace

bool matmul_supports_v5_wgmma(const MatmulDims& d) {
  return runtime.compute_capability() == 90 && d.M > 0 && d.N > 0 && d.K > 0 && d.batch > 0;
}

size_t matmul_scratch_v5_wgmma(const MatmulDims& d) {
  return Bf16Scratch::floats(int64_t{d.batch} * (d.trans_a ? d.K : d.M), d.trans_a ? d.M : d.K,
                             int64_t{d.batch} * (d.trans_b ? d.N : d.K), d.trans_b ? d.K : d.N);
}

void matmul_fwd_v5_wgmma_bf16(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c,
                              float* scratch, Stream stream) {
  const auto launch = d.trans_a ? (d.trans_b ? launcher<true, true>(d) : launcher<true, false>(d))
                                : (d.trans_b ? launcher<false, true>(d) : launcher<false, false>(d));
  launch(d, a, b, bias, c, scratch, stream);
}

}  // namespace limbic::LIMBIC_DEVICE
