// SPDX-License-Identifier: Apache-2.0
// Idea: tensor cores multiply what ldmatrix hands them, and cp.async brings the next tiles meanwhile. f32 is too wide
// for them: TF32 keeps 10 mantissa bits, 3xTF32 adds three products of high and low parts, BF16 keeps 7 bits of the
// inputs, or finds them stored so.
// Changed from v3: four warps compute 32x32 each; two tiles of A and B take turns; 16 bytes a copy where channels
// allow. What a pass has across its rows in memory, bf16 keeps so: ldmatrix transposes it.
// Why faster: 1024 (TF32) or 2048 (BF16) multiply-adds an instruction; loads and arithmetic overlap.
// Limited by: f32's copies of one number in dw and of dx's weights; 64x64 tiles read each input 8 times from L2 at
// 512 filters.
// Next: v5 has the copy engine bring whole boxes, and one wgmma of sm_90a multiplies 64x128.
#include "kernels/conv2d/conv2d_mma.h"

namespace limbic::LIMBIC_DEVICE {

template <ConvPass pass, Precision precision, int width, class In, class Out>
__global__ void __launch_bounds__(mma_threads, width == 1 ? 3 : 4) conv2d_v4(ConvGemmOf<In, Out> product) {
  using E = Element<precision, In>;
  using T = typename E::Type;
  constexpr bool fwd = pass == ConvPass::fwd, dw = pass == ConvPass::dw;
  constexpr int across = mma_across<pass, precision, width>;
  using TileA = MmaTile<T, E::padding, (dw && across != 1)>;
  using TileB = MmaTile<T, E::padding, across != 1>;
  SHARED(tile_a, TileA[2]);
  SHARED(tile_b, TileB[2]);
  const MmaTiles<pass, precision, width, In, Out> tiles(product);

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

  MmaSums sum = {};
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
  store_sums(tiles, sum);
}

namespace {

/// A vector of channels at a time where they are multiples of it and lie at multiples of 16 bytes.
template <ConvPass pass, Precision precision, class In, class Out>
void launch_v4(const ConvGemmOf<In, Out>& g, Stream stream) {
  constexpr int vector = Element<precision, In>::vector;
  const bool aligned = reinterpret_cast<uintptr_t>(g.a) % 16 == 0 && reinterpret_cast<uintptr_t>(g.b) % 16 == 0;
  const Grid grid = conv_gemm_grid(g, mma_threads, stream);
  if constexpr (pass != ConvPass::dw || precision == Precision::bf16) {
    if (mma_vectors<pass, precision>(g.d, vector) && aligned) {
      LAUNCH((conv2d_v4<pass, precision, vector, In, Out>), grid, g);
      return;
    }
  }
  LAUNCH((conv2d_v4<pass, precision, 1, In, Out>), grid, g);
}

template <Precision precision, class T>
void forward(const Conv2dDims& d, const T* x, const T* w, const Conv2dEpilogue& epilogue, T* y, Stream s) {
  ConvGemmOf<T, T> g = conv_gemm(ConvPass::fwd, d, x, w, y);
  g.epilogue = epilogue;
  launch_v4<ConvPass::fwd, precision>(g, s);
}

template <Precision precision, class T>
void filter_gradient(const Conv2dDims& d, const T* x, const T* dy, float* dw, float* scratch, Stream s) {
  conv2d_dw_in_parts(d, x, dy, dw, scratch, s,
                     [&](const ConvGemmOf<T, float>& g) { launch_v4<ConvPass::dw, precision>(g, s); });
}

}  // namespace

#define LIMBIC_CONV2D_V4(name, precision, T)                                                                    \
  void conv2d_fwd_v4_tensor_core_##name(const Conv2dDims& d, const T* x, const T* w, const float*,              \
                                        const Conv2dEpilogue& e, T* y, float*, Stream s) {                      \
    forward<precision>(d, x, w, e, y, s);                                                                       \
  }                                                                                                             \
  void conv2d_dx_v4_tensor_core_##name(const Conv2dDims& d, const T* dy, const T* w, T* dx, float*, Stream s) { \
    launch_v4<ConvPass::dx, precision>(conv_gemm(ConvPass::dx, d, dy, w, dx), s);                               \
  }                                                                                                             \
  void conv2d_dw_v4_tensor_core_##name(const Conv2dDims& d, const T* x, const T* dy, float* dw, float* scratch, \
                                       Stream s) {                                                              \
    filter_gradient<precision>(d, x, dy, dw, scratch, s);                                                       \
  }
LIMBIC_CONV2D_V4(tf32, Precision::tf32, float)
LIMBIC_CONV2D_V4(3xtf32, Precision::tf32x3, float)
LIMBIC_CONV2D_V4(bf16, Precision::bf16, float)
LIMBIC_CONV2D_V4(bf16, Precision::bf16, limbic::bf16)
#undef LIMBIC_CONV2D_V4

}  // namespace limbic::LIMBIC_DEVICE
