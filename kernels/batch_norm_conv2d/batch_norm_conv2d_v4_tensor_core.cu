// SPDX-License-Identifier: Apache-2.0
// Idea: x is normalised and clipped on its way into shared memory, and each tile of y leaves the means of its columns,
// and their squared distances from them, behind.
// Changed from v1: one kernel, conv2d's v4 in between; x waits in registers while the slab before it is multiplied, and
// only w and dy come by cp.async. A second kernel merges the tiles' statistics in a tree.
// Why faster: the map between batch norm and convolution is neither written nor read, nor y for its statistics: 2
// passes over memory where there were 5, and in training a map less to keep.
// Limited by: what conv2d's v4 is; each number of x is normalised anew for each tap and each 64 filters.
// Next: batch_norm_conv2d_dx_v4 sums up for the batch norm's backward in the same way.
#include "kernels/batch_norm/batch_norm_device.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d_device.h"

namespace limbic::LIMBIC_DEVICE {

/// z = max(fma(x - mean, scale, bias), 0), with the bits of kernels/batch_norm.
struct InputNorm {
  const float *mean, *scale, *bias;  ///< [C] each
};

__global__ void batch_norm_conv2d_norm_v4(int C, const float* mean, const float* var, const float* weight,
                                          const float* bias, float eps, float* norm /*[3][C]*/) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= C) return;
  const BatchNormChannel channel(mean, var, weight, bias, eps, c);
  norm[c] = channel.mean, norm[C + c] = channel.scale, norm[2 * C + c] = channel.bias;
}

/// A thread's pieces of a slab of x, on their way through registers.
template <class Tiles, int width, int count, class T>
class StagedInput {
 public:
  /// To be called for piece 0, 1, ... of a slab.
  __device__ void load(int j, const T* from) {
    if (from) pieces[j] = *reinterpret_cast<const Stored<T, width>*>(from);
    inside = (j ? inside : 0) | uint32_t{from != nullptr} << j;
  }
  template <class Tile>
  __device__ void put(const Tiles& tiles, const InputNorm& norm, int channel, Tile& tile) const {
    Floats<width> z[count];
#pragma unroll
    for (int i = 0; i < width; i += unit) {
      const Floats<unit> mean = limbic::LIMBIC_DEVICE::load<unit>(norm.mean + channel + i, 0);
      const Floats<unit> scale = limbic::LIMBIC_DEVICE::load<unit>(norm.scale + channel + i, 0);
      const Floats<unit> bias = limbic::LIMBIC_DEVICE::load<unit>(norm.bias + channel + i, 0);
#pragma unroll
      for (int j = 0; j < count; ++j)
#pragma unroll
        for (int u = 0; u < unit; ++u) {
          const float v = batch_norm_value(as_float(pieces[j].of[i + u]), mean.of[u], scale.of[u], bias.of[u]);
          z[j].of[i + u] = inside >> j & 1 ? (v < 0 ? 0.0f : v) : 0.0f;
        }
    }
#pragma unroll
    for (int j = 0; j < count; ++j) {
      const auto place = tiles.input_place(j);
      store(tile_place(tile, place.at, place.depth), 0, z[j]);
    }
  }

 private:
  static constexpr int unit = width < 4 ? width : 4;
  Stored<T, width> pieces[count] = {};
  uint32_t inside = 0;
};

/// parts [2][tiles of rows][K]: of the tile's columns the mean, then the sum of squared distances from it.
template <class Out, class Tiles>
__device__ void leave_statistics(const Tiles& tiles, const MmaSums& sum, int K, float* parts) {
  SHARED(values, ColumnSums<1>);
  SHARED(squares, ColumnSums<1>);
  const float n = static_cast<float>(tiles.rows());
  const auto value = [](float y) { return as_float(stored_as<Out>(y)); };
  sum_columns(tiles, sum, values, [&](int) { return [&](int, float y) { return Floats<1>{value(y)}; }; });
  __syncthreads();
  sum_columns(tiles, sum, squares, [&](int column) {
    const float mean = column_sum(values, 0, column) / n;
    return [&value, mean](int, float y) {
      const float distance = value(y) - mean;
      return Floats<1>{distance * distance};
    };
  });
  __syncthreads();
  const int column = threadIdx.x, k = column < conv_gemm_tile ? tiles.result_channel(column) : -1;
  if (k < 0) return;
  parts[int64_t{blockIdx.x} * K + k] = column_sum(values, 0, column) / n;
  parts[int64_t{gridDim.x + blockIdx.x} * K + k] = column_sum(squares, 0, column);
}

/// fwd: y and its statistics; dw: its x is always normalised.
template <ConvPass pass, Precision precision, int width, bool normalised, class T, class Out>
__global__ void __launch_bounds__(mma_threads, width == 1 ? 3 : 4)
    batch_norm_conv2d_v4(ConvGemmOf<T, Out> product, InputNorm norm, float* parts) {
  constexpr bool fwd = pass == ConvPass::fwd;
  constexpr int piece = fwd ? width : mma_across<pass, precision, width>;
  constexpr int pieces = conv_gemm_tile * mma_step / mma_threads / piece;
  using E = Element<precision, T>;
  using Tile = MmaTile<typename E::Type, E::padding, !fwd && piece != 1>;
  using Tiles = MmaTiles<pass, precision, width, T, Out>;
  SHARED(tile_a, Tile[2]);
  SHARED(tile_b, Tile[2]);
  const Tiles tiles(product);
  StagedInput<Tiles, piece, pieces, T> staged;

  const auto fetch = [&](auto k0, int buffer) {
    int j = 0;
    const auto stage = [&](int, int, const T* from) { staged.load(j++, from); };
    const auto put_a = [&](int row, int k, const T* from) {
      E::template put<piece>(tile_place(tile_a[buffer], row, k), from, product.a);
    };
    const auto put_b = [&](int column, int k, const T* from) {
      E::template put<piece>(tile_place(tile_b[buffer], column, k), from, product.b);
    };
    if constexpr (!normalised) {
      tiles.fetch(k0, put_a, put_b);
    } else if constexpr (fwd) {
      tiles.fetch(k0, stage, put_b);
    } else {
      tiles.fetch(k0, put_a, stage);
    }
    cp_async_commit();
  };
  const auto put_staged = [&](auto k0, int buffer) {
    if constexpr (normalised) staged.put(tiles, norm, tiles.input_channel(k0), fwd ? tile_a[buffer] : tile_b[buffer]);
  };

  MmaSums sum = {};
  int buffer = 0;
  auto k0 = tiles.first_depth();
  if (k0 < tiles.last_depth()) fetch(k0, 0), put_staged(k0, 0);
  for (auto next = k0; k0 < tiles.last_depth(); k0 = next, buffer ^= 1) {
    next = tiles.next_depth(k0);
    cp_async_wait<0>();
    __syncthreads();  // this slab is there, and everybody has done with the one before it
    if (next < tiles.last_depth()) fetch(next, buffer ^ 1);
    mma_slab<precision>(tile_a[buffer], tile_b[buffer], sum);
    if (next < tiles.last_depth()) put_staged(next, buffer ^ 1);
  }
  store_sums(tiles, sum);
  if constexpr (fwd) leave_statistics<Out>(tiles, sum, product.d.K, parts);
}

namespace {

InputNorm input_norm(const Conv2dDims& d, const float* mean, const float* var, const float* weight, const float* bias,
                     float eps, float* scratch, Stream stream) {
  LAUNCH(batch_norm_conv2d_norm_v4, (Grid{.blocks = blocks_for(d.C, 256), .threads = 256, .stream = stream}), d.C, mean,
         var, weight, bias, eps, scratch);
  return {scratch, scratch + d.C, scratch + 2 * d.C};
}

template <Precision precision, class T>
void forward(const Conv2dDims& d, const T* x, const float* mean, const float* var, const float* weight,
             const float* bias, float eps, const T* w, T* y, float* y_mean, float* y_var, float* scratch, Stream s) {
  const InputNorm norm = mean ? input_norm(d, mean, var, weight, bias, eps, scratch, s) : InputNorm{};
  float* const parts = scratch + 3 * int64_t{d.C};
  const ConvGemmOf<T, T> g = conv_gemm(ConvPass::fwd, d, x, w, y);
  const Grid grid = conv_gemm_grid(g, mma_threads, s);
  with_width<ConvPass::fwd, precision>(g, [&]<int width>() {
    if (mean) {
      LAUNCH((batch_norm_conv2d_v4<ConvPass::fwd, precision, width, true, T, T>), grid, g, norm, parts);
    } else {
      LAUNCH((batch_norm_conv2d_v4<ConvPass::fwd, precision, width, false, T, T>), grid, g, norm, parts);
    }
  });
  batch_norm_merge_sets({conv_outputs(d), d.K}, conv_gemm_tile, parts, y_mean, y_var, s);
}

template <Precision precision, class T>
void filter_gradient(const Conv2dDims& d, const T* x, const float* mean, const float* var, const float* weight,
                     const float* bias, float eps, const T* dy, float* dw, float* scratch, Stream s) {
  const InputNorm norm = input_norm(d, mean, var, weight, bias, eps, scratch, s);
  float* const none = nullptr;
  conv2d_dw_in_parts(d, x, dy, dw, scratch + 3 * int64_t{d.C}, s, [&](const ConvGemmOf<T, float>& g) {
    with_width<ConvPass::dw, precision>(g, [&]<int width>() {
      LAUNCH((batch_norm_conv2d_v4<ConvPass::dw, precision, width, true, T, float>), conv_gemm_grid(g, mma_threads, s),
             g, norm, none);
    });
  });
}

}  // namespace

size_t batch_norm_conv2d_fwd_scratch_v4(const Conv2dDims& d) {
  return 3 * size_t(d.C) + batch_norm_sets_scratch({conv_outputs(d), d.K}, conv_gemm_tile);
}
size_t batch_norm_conv2d_dw_scratch_v4(const Conv2dDims& d) { return 3 * size_t(d.C) + conv2d_dw_scratch_gemm(d); }

#define LIMBIC_BATCH_NORM_CONV2D_V4(name, precision, T)                                                                \
  void batch_norm_conv2d_fwd_v4_tensor_core_##name(                                                                    \
      const Conv2dDims& d, const T* x, const float* mean, const float* var, const float* weight, const float* bias,    \
      float eps, const T* w, T* y, float* y_mean, float* y_var, float* scratch, Stream s) {                            \
    forward<precision>(d, x, mean, var, weight, bias, eps, w, y, y_mean, y_var, scratch, s);                           \
  }                                                                                                                    \
  void batch_norm_conv2d_dw_v4_tensor_core_##name(const Conv2dDims& d, const T* x, const float* mean,                  \
                                                  const float* var, const float* weight, const float* bias, float eps, \
                                                  const T* dy, float* dw, float* scratch, Stream s) {                  \
    filter_gradient<precision>(d, x, mean, var, weight, bias, eps, dy, dw, scratch, s);                                \
  }
LIMBIC_BATCH_NORM_CONV2D_V4(3xtf32, Precision::tf32x3, float)
LIMBIC_BATCH_NORM_CONV2D_V4(bf16, Precision::bf16, limbic::bf16)
#undef LIMBIC_BATCH_NORM_CONV2D_V4

}  // namespace limbic::LIMBIC_DEVICE
