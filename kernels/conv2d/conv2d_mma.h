// SPDX-License-Identifier: Apache-2.0
// A convolution's product on tensor cores, slab by slab: how 64 x 16 numbers of each operand get into shared memory,
// and what four warps, of 32 x 32 results each, make of them.
#pragma once
#include "kernels/conv2d/conv2d_gemm.h"
#include "kernels/ptx.h"

namespace limbic::LIMBIC_DEVICE {

constexpr int mma_step = 16, mma_threads = 128;

enum class Precision { tf32, tf32x3, bf16 };

/// The elements of a tile in shared memory, and how they get there from numbers stored as In, `vector` at once where
/// they are neighbours. A row's end keeps ldmatrix's rows in different banks.
template <Precision precision, class In>
struct Element {
  using Type = float;
  static constexpr int padding = 4, vector = 4;
  template <int n>
  static __device__ void put(float* to, const float* from, const float* anywhere) {
    cp_async<4 * n>(to, from ? from : anywhere, from ? 4 * n : 0);
  }
};
template <>
struct Element<Precision::bf16, float> {
  using Type = bf16;
  static constexpr int padding = 8, vector = 4;
  template <int n>
  static __device__ void put(bf16* to, const float* from, const float*) {
    store(to, 0, from ? load<n>(from, 0) : Floats<n>{});
  }
};
template <>
struct Element<Precision::bf16, bf16> {
  using Type = bf16;
  static constexpr int padding = 8, vector = 8;
  template <int n>
  static __device__ void put(bf16* to, const bf16* from, const bf16* anywhere) {
    if constexpr (n == 1) {  // too little for cp.async
      *to = from ? *from : bf16{};
    } else {
      cp_async<2 * n>(to, from ? from : anywhere, from ? 2 * n : 0);
    }
  }
};

/// A float's bits become its TF32 number, and that of what is left.
__device__ inline void split_tf32(uint32_t& high, uint32_t& low) {
  const float x = __uint_as_float(high);
  high = to_tf32(x);
  low = to_tf32(x - __uint_as_float(high));
}

/// 64 rows (of B: columns) of 16 numbers along the depth; `lines`: 16 lines of 64, as they lie in memory.
template <class T, int padding, bool lines = false>
using MmaTile = T[lines ? mma_step : conv_gemm_tile][(lines ? conv_gemm_tile : mma_step) + padding];

template <class Tile>
constexpr bool in_lines = std::extent_v<Tile> == mma_step;

/// Where in a tile the number of a row and a depth stands.
template <class Tile>
__device__ auto* tile_place(Tile& tile, int row, int depth) {
  if constexpr (in_lines<Tile>) {
    return &tile[depth][row];
  } else {
    return &tile[row][depth];
  }
}

/// How many numbers of 16 bits lie so that they can go together across rows or columns; ldmatrix transposes no others.
template <ConvPass pass, Precision precision, int width>
constexpr int mma_across = pass != ConvPass::fwd&& precision == Precision::bf16 ? width : 1;

template <ConvPass pass, Precision precision, int width, class In, class Out>
using MmaTiles = ConvTiles<pass, mma_step, mma_threads, pass == ConvPass::dw ? 1 : width,
                           mma_across<pass, precision, width>, In, Out>;

/// Calls launch.operator()<width>() with as many numbers at once as the pass can have wherever they are neighbours: a
/// vector where channels are multiples of it and the operands lie at multiples of 16 bytes, else 1.
template <ConvPass pass, Precision precision, class In, class Out, class Launch>
void with_width(const ConvGemmOf<In, Out>& g, const Launch& launch) {
  constexpr int vector = Element<precision, In>::vector;
  const bool inputs = g.d.C / g.d.groups % vector == 0, filters = g.d.K / g.d.groups % vector == 0;
  const bool aligned = reinterpret_cast<uintptr_t>(g.a) % 16 == 0 && reinterpret_cast<uintptr_t>(g.b) % 16 == 0;
  if constexpr (pass != ConvPass::dw || precision == Precision::bf16) {
    const bool f32_dx = pass == ConvPass::dx && precision != Precision::bf16;  // its weights go one by one
    if (aligned && (inputs || f32_dx) && (filters || pass == ConvPass::fwd)) {
      launch.template operator()<vector>();
      return;
    }
  }
  launch.template operator()<1>();
}

/// A thread's share of the block's results: 2 x 4 tiles of 16 x 8, of which it has 4 numbers each.
using MmaSums = float[2][4][4];

/// Where in the block's tile sum[i][j][r] stands.
__device__ inline int mma_row(int i, int r) {
  return threadIdx.x / 64 * 32 + 16 * i + threadIdx.x % 32 / 4 + r / 2 * 8;
}
__device__ inline int mma_column(int j, int r) {
  return threadIdx.x / 32 % 2 * 32 + 8 * j + 2 * (threadIdx.x % 4) + r % 2;
}

template <class Tiles>
__device__ void store_sums(const Tiles& tiles, const MmaSums& sum) {
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int r = 0; r < 4; ++r) tiles.store(mma_row(i, r), mma_column(j, r), sum[i][j][r]);
}

/// sum += a b^T over the slab.
template <Precision precision, class TileA, class TileB>  // MmaTile
__device__ void mma_slab(const TileA& a_tile, const TileB& b_tile, MmaSums& sum) {
  using T = std::remove_all_extents_t<TileA>;
  constexpr int granule = 16 / sizeof(T);  // elements in a row of ldmatrix; an mma is two of them deep
  const int lane = threadIdx.x % 32, warp_row = threadIdx.x / 64 * 32, warp_column = threadIdx.x / 32 % 2 * 32;
#pragma unroll
  for (int k = 0; k < mma_step; k += 2 * granule) {
    uint32_t a[2][4], b[4][2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = warp_row + 16 * i;
      if constexpr (in_lines<TileA>) {
        ldmatrix_x4<true>(a[i], &a_tile[lane / 16 * 8 + lane % 8][row + lane / 8 % 2 * 8]);
      } else {
        ldmatrix_x4(a[i], &a_tile[row + lane % 16][k + lane / 16 * granule]);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; j += 2) {
      uint32_t pair[4];
      const int column = warp_column + 8 * j + lane / 16 * 8;
      if constexpr (in_lines<TileB>) {
        ldmatrix_x4<true>(pair, &b_tile[lane / 8 % 2 * 8 + lane % 8][column]);
      } else {
        ldmatrix_x4(pair, &b_tile[column + lane % 8][k + lane / 8 % 2 * granule]);
      }
      b[j][0] = pair[0], b[j][1] = pair[1], b[j + 1][0] = pair[2], b[j + 1][1] = pair[3];
    }
    if constexpr (precision == Precision::bf16) {
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) mma_m16n8k16_bf16(sum[i][j], a[i], b[j]);
    } else {
      uint32_t a_low[2][4], b_low[4][2];
#pragma unroll
      for (int i = 0; i < 8; ++i) split_tf32(a[i / 4][i % 4], a_low[i / 4][i % 4]);
#pragma unroll
      for (int j = 0; j < 8; ++j) split_tf32(b[j / 2][j % 2], b_low[j / 2][j % 2]);
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if constexpr (precision == Precision::tf32x3) {  // the small products first
            mma_m16n8k8_tf32(sum[i][j], a_low[i], b[j]);
            mma_m16n8k8_tf32(sum[i][j], a[i], b_low[j]);
          }
          mma_m16n8k8_tf32(sum[i][j], a[i], b[j]);
        }
    }
  }
}

/// sum += the block's part of the product: a slab is on its way while the one before it is multiplied.
template <ConvPass pass, Precision precision, int width, class In, class Out>
__device__ void mma_product(const ConvGemmOf<In, Out>& product, const MmaTiles<pass, precision, width, In, Out>& tiles,
                            MmaSums& sum) {
  using E = Element<precision, In>;
  using T = typename E::Type;
  constexpr bool fwd = pass == ConvPass::fwd, dw = pass == ConvPass::dw;
  constexpr int across = mma_across<pass, precision, width>;
  using TileA = MmaTile<T, E::padding, (dw && across != 1)>;
  using TileB = MmaTile<T, E::padding, across != 1>;
  SHARED(tile_a, TileA[2]);
  SHARED(tile_b, TileB[2]);
  const auto fetch = [&](auto k0, int buffer) {
    tiles.fetch(
        k0,
        [&](int row, int k, const In* from) {
          E::template put<dw ? across : width>(tile_place(tile_a[buffer], row, k), from, product.a);
        },
        [&](int column, int k, const In* from) {
          E::template put<fwd ? width : across>(tile_place(tile_b[buffer], column, k), from, product.b);
        });
    cp_async_commit();
  };

  int buffer = 0;
  auto k0 = tiles.first_depth();
  if (k0 < tiles.last_depth()) fetch(k0, 0);
  for (auto next = k0; k0 < tiles.last_depth(); k0 = next, buffer ^= 1) {
    next = tiles.next_depth(k0);
    if (next < tiles.last_depth()) {
      fetch(next, buffer ^ 1);
      cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    __syncthreads();
    mma_slab<precision>(tile_a[buffer], tile_b[buffer], sum);
    __syncthreads();
  }
}

}  // namespace limbic::LIMBIC_DEVICE
