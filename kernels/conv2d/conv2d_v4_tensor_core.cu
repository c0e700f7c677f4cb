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
  const MmaTiles<pass, precision, width, In, Out> tiles(product);
  MmaSums sum = {};
  mma_product<pass, precision, width>(product, tiles, sum);
  store_sums(tiles, sum);
}

namespace {

template <ConvPass pass, Precision precision, class In, class Out>
void launch_v4(const ConvGemmOf<In, Out>& g, Stream stream) {
  with_width<pass, precision>(g, [&]<int width>() {
    LAUNCH((conv2d_v4<pass, precision, width, In, Out>), conv_gemm_grid(g, mma_threads, stream), g);
  });
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
