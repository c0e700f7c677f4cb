// SPDX-License-Identifier: Apache-2.0
// The capability matrix. A pass's list is in order of preference: the first rung that serves the shape runs, the plain
// reference comes last, yardsticks after it (they never run by themselves).
#include "kernels/registry.h"

#include "kernels/adam/adam_v0_reference.h"
#include "kernels/affine_grid/affine_grid_v0_reference.h"
#include "kernels/attention/attention_v0_reference.h"
#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d_v0_reference.h"
#include "kernels/batch_norm_pool/batch_norm_pool_v0_reference.h"
#include "kernels/bce/bce_v0_reference.h"
#include "kernels/binary/binary_v0_reference.h"
#include "kernels/cast/cast_v0_reference.h"
#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/conv2d/conv2d_v0_reference.h"
#include "kernels/copy/copy_v0_reference.h"
#include "kernels/cross_entropy/cross_entropy_v0_reference.h"
#include "kernels/dropout/dropout_v0_reference.h"
#include "kernels/gpu_runtime.h"
#include "kernels/grid_sample/grid_sample_v0_reference.h"
#include "kernels/lstm/lstm_cpu.h"
#include "kernels/lstm/lstm_layer_v0_reference.h"
#include "kernels/lstm/lstm_v0_reference.h"
#include "kernels/matmul/matmul_cpu.h"
#include "kernels/matmul/matmul_v0_reference.h"
#include "kernels/mel/mel.h"
#include "kernels/moving_average/moving_average_v0_reference.h"
#include "kernels/pool2d/pool2d_v0_reference.h"
#include "kernels/reduce/reduce_v0_reference.h"
#include "kernels/sgd/sgd_v0_reference.h"
#include "kernels/softmax/softmax_v0_reference.h"
#include "kernels/stft/stft.h"
#include "kernels/sum_squares/sum_squares_v0_reference.h"
#include "kernels/unary/unary_v0_reference.h"
#include "kernels/vendor/vendor.h"

namespace limbic {

LIMBIC_EACH_ISA(BatchNormForward batch_norm_fwd_cpu_vector; BatchNormApply batch_norm_apply_cpu_vector;
                BatchNormBackward batch_norm_bwd_cpu_vector; Pool2dForward pool2d_fwd_cpu_vector;
                Pool2dBackward pool2d_bwd_cpu_vector; ReduceForward reduce_fwd_cpu_vector;
                ReduceBackward reduce_bwd_cpu_vector; UnaryForward unary_fwd_cpu_vector;
                UnaryBackward unary_bwd_cpu_vector; BinaryForward binary_fwd_cpu_vector;
                BinaryBackward binary_bwd_cpu_vector; SoftmaxForward softmax_fwd_cpu_vector;
                SoftmaxBackward softmax_bwd_cpu_vector; CrossEntropyForward cross_entropy_fwd_cpu_vector;
                CrossEntropyBackward cross_entropy_bwd_cpu_vector; BceForward bce_fwd_cpu_vector;
                BceBackward bce_bwd_cpu_vector; DropoutForward dropout_fwd_cpu_vector; Copy copy_fwd_cpu_vector;
                AdamStep adam_step_cpu_vector; AdamMany adam_many_cpu_vector; SgdStep sgd_step_cpu_vector;
                SumSquares sum_squares_fwd_cpu_vector; AffineGridForward affine_grid_fwd_cpu_vector;
                AffineGridBackward affine_grid_bwd_cpu_vector; GridSampleForward grid_sample_fwd_cpu_vector;
                GridSampleBackward grid_sample_bwd_cpu_vector;)

LIMBIC_EACH_DEVICE(BatchNormForward batch_norm_fwd_v1_naive; BatchNormApply batch_norm_apply_v1_naive;
                   BatchNormBackward batch_norm_bwd_v1_naive; BatchNormForward batch_norm_fwd_v2_chunks;
                   BatchNormApply batch_norm_apply_v2_chunks; BatchNormBackward batch_norm_bwd_v2_chunks;
                   size_t batch_norm_scratch_v2(const BatchNormDims&); Pool2dForward pool2d_fwd_v1_naive;
                   Pool2dBackward pool2d_bwd_v1_naive; Pool2dForward pool2d_fwd_v2_vector;
                   Pool2dBackward pool2d_bwd_v2_vector; CrossEntropyForward cross_entropy_fwd_v1_naive;
                   CrossEntropyBackward cross_entropy_bwd_v1_naive; CrossEntropyForward cross_entropy_fwd_v2_warp;
                   CrossEntropyBackward cross_entropy_bwd_v2_warp; BceForward bce_fwd_v1_naive;
                   BceBackward bce_bwd_v1_naive; DropoutForward dropout_fwd_v1_naive;
                   DropoutForward dropout_fwd_v2_vector; Copy copy_fwd_v1_naive; AdamStep adam_step_v1_naive;
                   AdamMany adam_many_v2_multi_tensor; SgdStep sgd_step_v1_naive;
                   MovingAverage moving_average_step_v1_naive; SumSquares sum_squares_fwd_v1_blocks;
                   AffineGridForward affine_grid_fwd_v1_naive; AffineGridBackward affine_grid_bwd_v1_naive;
                   GridSampleForward grid_sample_fwd_v1_naive; GridSampleBackward grid_sample_bwd_v1_naive;
                   GridSampleBackward grid_sample_bwd_v2_whole_numbers;
                   bool grid_sample_supports_v2(const GridSampleDims&); LstmForward lstm_fwd_v1_stepwise;
                   LstmBackward lstm_bwd_v1_stepwise; LstmForward lstm_fwd_v2_fused_gates;
                   LstmBackward lstm_bwd_v2_fused_gates; LstmForward lstm_fwd_v3_persistent;
                   LstmBackward lstm_bwd_v3_persistent; bool lstm_supports_v3(const LstmDims&);
                   size_t lstm_fwd_scratch_v1(const LstmDims&); size_t lstm_bwd_scratch_gpu(const LstmDims&);
                   StftPower stft_fwd_v1_naive; StftPower stft_fwd_v2_fft; bool stft_supports_v2_fft(const StftDims&);
                   LogMel mel_fwd_v1_two_kernels; bool mel_supports_v1_two_kernels(const LogMelDims&);
                   size_t mel_scratch_v1_two_kernels(const LogMelDims&);)

LIMBIC_EACH_DEVICE(Pool2dTrain pool2d_train_v1_ops; Pool2dTrainOf<bf16> pool2d_train_v1_ops;
                   bool pool2d_train_supports_v1_ops(const Pool2dDims&);)
size_t pool2d_train_scratch_v1_ops(const Pool2dDims&);

LIMBIC_EACH_DEVICE(LstmLayerForward lstm_layer_fwd_v1_ops; LstmLayerTrain lstm_layer_train_v1_ops;
                   bool lstm_layer_supports_v1_ops(const LstmDims&);)
size_t lstm_layer_fwd_scratch_v1_ops(const LstmDims&);
size_t lstm_layer_train_scratch_v1_ops(const LstmDims&);

LIMBIC_EACH_ISA(CastNarrow cast_narrow_cpu_vector; CastWiden cast_widen_cpu_vector;)
LIMBIC_EACH_DEVICE(CastNarrow cast_narrow_v1_naive; CastWiden cast_widen_v1_naive; CastNarrow cast_narrow_v2_vector;
                   CastWiden cast_widen_v2_vector;)

LIMBIC_EACH_DEVICE(BatchNormPoolForward batch_norm_pool_fwd_v1_naive; BatchNormPoolApply batch_norm_pool_apply_v1_naive;
                   BatchNormPoolBackward batch_norm_pool_bwd_v1_naive;
                   BatchNormPoolForward batch_norm_pool_fwd_v2_windows;
                   BatchNormPoolApply batch_norm_pool_apply_v2_windows;
                   BatchNormPoolBackward batch_norm_pool_bwd_v2_windows;
                   size_t batch_norm_pool_scratch_v2(const BatchNormPoolDims&);)

LIMBIC_EACH_DEVICE(BatchNormConv2dForward batch_norm_conv2d_fwd_v1_apart;
                   BatchNormConv2dDx batch_norm_conv2d_dx_v1_apart;
                   BatchNormConv2dDw batch_norm_conv2d_dw_v1_apart;
                   size_t batch_norm_conv2d_fwd_scratch_v1(const Conv2dDims&);
                   size_t batch_norm_conv2d_dx_scratch_v1(const Conv2dDims&);
                   size_t batch_norm_conv2d_dw_scratch_v1(const Conv2dDims&);
                   BatchNormConv2dForward batch_norm_conv2d_fwd_v4_tensor_core_3xtf32;
                   BatchNormConv2dDx batch_norm_conv2d_dx_v4_tensor_core_3xtf32;
                   BatchNormConv2dDw batch_norm_conv2d_dw_v4_tensor_core_3xtf32;
                   BatchNormConv2dForwardOf<bf16> batch_norm_conv2d_fwd_v4_tensor_core_bf16;
                   BatchNormConv2dDxOf<bf16> batch_norm_conv2d_dx_v4_tensor_core_bf16;
                   BatchNormConv2dDwOf<bf16> batch_norm_conv2d_dw_v4_tensor_core_bf16;
                   size_t batch_norm_conv2d_fwd_scratch_v4(const Conv2dDims&);
                   size_t batch_norm_conv2d_dx_scratch_v4(const Conv2dDims&);
                   size_t batch_norm_conv2d_dw_scratch_v4(const Conv2dDims&);)

// Of maps stored in bf16. On the CPU there are those that inference needs.
LIMBIC_EACH_ISA(BatchNormApplyOf<bf16> batch_norm_apply_cpu_vector; Pool2dForwardOf<bf16> pool2d_fwd_cpu_vector;
                UnaryForwardOf<bf16> unary_fwd_cpu_vector; CopyOf<bf16> copy_fwd_cpu_vector;)
LIMBIC_EACH_DEVICE(Conv2dForwardOf<bf16> conv2d_fwd_v4_tensor_core_bf16; Conv2dDxOf<bf16> conv2d_dx_v4_tensor_core_bf16;
                   Conv2dDwOf<bf16> conv2d_dw_v4_tensor_core_bf16; Conv2dForwardOf<bf16> conv2d_fwd_v5_wgmma_bf16;
                   Conv2dDxOf<bf16> conv2d_dx_v5_wgmma_bf16; Conv2dDwOf<bf16> conv2d_dw_v5_wgmma_bf16;
                   BatchNormForwardOf<bf16> batch_norm_fwd_v2_chunks;
                   BatchNormApplyOf<bf16> batch_norm_apply_v2_chunks;
                   BatchNormBackwardOf<bf16> batch_norm_bwd_v2_chunks;
                   BatchNormPoolForwardOf<bf16> batch_norm_pool_fwd_v2_windows;
                   BatchNormPoolApplyOf<bf16> batch_norm_pool_apply_v2_windows;
                   BatchNormPoolBackwardOf<bf16> batch_norm_pool_bwd_v2_windows;
                   Pool2dForwardOf<bf16> pool2d_fwd_v1_naive; Pool2dBackwardOf<bf16> pool2d_bwd_v1_naive;
                   Pool2dForwardOf<bf16> pool2d_fwd_v2_vector; Pool2dBackwardOf<bf16> pool2d_bwd_v2_vector;
                   DropoutForwardOf<bf16> dropout_fwd_v2_vector; UnaryForwardOf<bf16> unary_fwd_v2_vector;
                   UnaryBackwardOf<bf16> unary_bwd_v2_vector; CopyOf<bf16> copy_fwd_v1_naive;)

LIMBIC_EACH_DEVICE(AttentionForward attention_fwd_v1_naive; AttentionBackward attention_bwd_v1_naive;
                   AttentionForward attention_fwd_v2_block; AttentionBackward attention_bwd_v2_block;
                   size_t attention_bwd_scratch_v1(const AttentionDims&);
                   size_t attention_bwd_scratch_v2(const AttentionDims&);)

LIMBIC_EACH_DEVICE(Conv2dForward conv2d_fwd_v1_naive; Conv2dDx conv2d_dx_v1_naive; Conv2dDw conv2d_dw_v1_naive;
                   Conv2dForward conv2d_fwd_v2_tiled; Conv2dDx conv2d_dx_v2_tiled; Conv2dDw conv2d_dw_v2_tiled;
                   Conv2dForward conv2d_fwd_v3_implicit_gemm; Conv2dDx conv2d_dx_v3_implicit_gemm;
                   Conv2dDw conv2d_dw_v3_implicit_gemm; size_t conv2d_dw_scratch_gemm(const Conv2dDims&);
                   Conv2dForward conv2d_fwd_v3_winograd; Conv2dDx conv2d_dx_v3_winograd;
                   bool conv2d_supports_v3_winograd(const Conv2dDims&); size_t conv2d_scratch_v3_winograd(const Conv2dDims&);
                   Conv2dForward conv2d_fwd_v4_tensor_core_3xtf32; Conv2dDx conv2d_dx_v4_tensor_core_3xtf32;
                   Conv2dDw conv2d_dw_v4_tensor_core_3xtf32; Conv2dForward conv2d_fwd_v4_tensor_core_tf32;
                   Conv2dDx conv2d_dx_v4_tensor_core_tf32; Conv2dDw conv2d_dw_v4_tensor_core_tf32;
                   Conv2dForward conv2d_fwd_v4_tensor_core_bf16; Conv2dDx conv2d_dx_v4_tensor_core_bf16;
                   Conv2dDw conv2d_dw_v4_tensor_core_bf16; Conv2dForward conv2d_fwd_v5_wgmma_bf16;
                   Conv2dDx conv2d_dx_v5_wgmma_bf16; Conv2dDw conv2d_dw_v5_wgmma_bf16;
                   bool conv2d_supports_v5_wgmma(const Conv2dDims&);
                   size_t conv2d_fwd_scratch_v5_wgmma(const Conv2dDims&);
                   size_t conv2d_dx_scratch_v5_wgmma(const Conv2dDims&);
                   size_t conv2d_dw_scratch_v5_wgmma(const Conv2dDims&);)

LIMBIC_EACH_DEVICE(UnaryForward unary_fwd_v1_naive; UnaryBackward unary_bwd_v1_naive; UnaryForward unary_fwd_v2_vector;
                   UnaryBackward unary_bwd_v2_vector; BinaryForward binary_fwd_v1_naive;
                   BinaryBackward binary_bwd_v1_naive; BinaryForward binary_fwd_v2_vector;
                   ReduceForward reduce_fwd_v1_naive; ReduceBackward reduce_bwd_v1_naive;
                   ReduceForward reduce_fwd_v2_block; SoftmaxForward softmax_fwd_v1_naive;
                   SoftmaxBackward softmax_bwd_v1_naive; SoftmaxForward softmax_fwd_v2_warp;
                   SoftmaxBackward softmax_bwd_v2_warp; SoftmaxForward softmax_fwd_v3_block;
                   SoftmaxBackward softmax_bwd_v3_block; Matmul matmul_fwd_v1_naive; Matmul matmul_fwd_v2_tiled;
                   Matmul matmul_fwd_v3_register_tiled; Matmul matmul_fwd_v4_tensor_core_3xtf32;
                   Matmul matmul_fwd_v4_tensor_core_tf32; Matmul matmul_fwd_v5_wgmma_bf16;
                   bool matmul_supports_v5_wgmma(const MatmulDims&); size_t matmul_scratch_v5_wgmma(const MatmulDims&);)

// The three entries of Rung::run: a plain function serves every instruction set, a SIMD one was compiled for two.
#define PLAIN(...) \
  { __VA_ARGS__, __VA_ARGS__, __VA_ARGS__ }
#define EACH_ISA(function) \
  { nullptr, avx2::function, avx512::function }

// A CUDA rung stands on each device that the build compiled it for; `needs` is the compute capability, 75 the least.
// ON_GPU(..., supports, scratch), ON_GPU_SINCE(..., scratch), ON_GPU_WHERE(supports, ..., scratch), which exists once a
// device. A YARDSTICK is cuDNN's or cuBLAS's: every build lists them, and none runs without the module and a device.
// clang-format off
#ifdef LIMBIC_CUDA
#define ON_GPU(name, file, function, ...)                                         \
  {name, file, Device::cuda, PLAIN(cuda::function) __VA_OPT__(, ) __VA_ARGS__}, { \
    name, file, Device::emu, PLAIN(emu::function) __VA_OPT__(, ) __VA_ARGS__      \
  }
#define ON_GPU_SINCE(needs, name, file, function, ...)                                                  \
  {name, file, Device::cuda, PLAIN(cuda::function),                                                     \
   [](const auto&) { return cuda::runtime.compute_capability() >= needs; } __VA_OPT__(, ) __VA_ARGS__}, \
  {                                                                                                     \
    name, file, Device::emu, PLAIN(emu::function), nullptr __VA_OPT__(, ) __VA_ARGS__                   \
  }
#define ON_GPU_WHERE(supports, name, file, function, ...)                                         \
  {name, file, Device::cuda, PLAIN(cuda::function), cuda::supports __VA_OPT__(, ) __VA_ARGS__}, { \
    name, file, Device::emu, PLAIN(emu::function), emu::supports __VA_OPT__(, ) __VA_ARGS__       \
  }
#else
#define ON_GPU(name, file, function, ...) \
  { name, file, Device::emu, PLAIN(emu::function) __VA_OPT__(, ) __VA_ARGS__ }
#define ON_GPU_SINCE(needs, name, file, function, ...) ON_GPU(name, file, function, nullptr __VA_OPT__(, ) __VA_ARGS__)
#define ON_GPU_WHERE(supports, name, file, function, ...) \
  ON_GPU(name, file, function, emu::supports __VA_OPT__(, ) __VA_ARGS__)
#endif
#define YARDSTICK(name, file, member)                                        \
  {name, file, Device::cuda, PLAIN(FromVendor<&VendorKernels::member>::run), \
   FromVendor<&VendorKernels::member>::supports}
// clang-format on

namespace {

bool binary_supports_v2_vector(const BinaryDims& d) {  // both inputs have the shape of y
  for (int axis = 0; axis < d.rank; ++axis) {
    if (d.shape[axis] != 1 && (!d.stride_a[axis] || !d.stride_b[axis])) return false;
  }
  return true;
}
bool reduce_supports_v2_block(const ReduceDims& d) { return d.inner == 1; }
bool pool2d_supports_v2_vector(const Pool2dDims& d) { return d.C % 4 == 0; }
bool softmax_supports_v2_warp(const SoftmaxDims& d) { return d.C <= 1024; }

}  // namespace

std::span<const Rung<Conv2dDims, Conv2dForward>> conv2d_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, Conv2dForward> rungs[] = {
      {"cpu_winograd", "conv2d/conv2d_cpu_winograd.cpp", Device::cpu, EACH_ISA(conv2d_fwd_cpu_winograd),
       conv2d_supports_cpu_winograd, conv2d_fwd_scratch_cpu_winograd},
      {"cpu_direct", "conv2d/conv2d_cpu_direct.cpp", Device::cpu, EACH_ISA(conv2d_fwd_cpu_direct),
       conv2d_supports_cpu_direct, conv2d_prepared_cpu_direct},
      {"v0_reference", "conv2d/conv2d_v0_reference.h", Device::cpu, PLAIN(conv2d_fwd_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_fwd_v4_tensor_core_3xtf32),
      ON_GPU("v3_implicit_gemm", "conv2d/conv2d_v3_implicit_gemm.cu", conv2d_fwd_v3_implicit_gemm),
      ON_GPU("v2_tiled", "conv2d/conv2d_v2_tiled.cu", conv2d_fwd_v2_tiled),
      ON_GPU("v1_naive", "conv2d/conv2d_v1_naive.cu", conv2d_fwd_v1_naive),
      // other bits than the rungs beside it: by name only
      ON_GPU_WHERE(conv2d_supports_v3_winograd, "v3_winograd", "conv2d/conv2d_v3_winograd.cu", conv2d_fwd_v3_winograd,
                   emu::conv2d_scratch_v3_winograd),
      // less precise: by name only
      ON_GPU_SINCE(80, "v4_tensor_core_tf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_fwd_v4_tensor_core_tf32),
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_fwd_v4_tensor_core_bf16),
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_fwd_v5_wgmma_bf16,
                   emu::conv2d_fwd_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_fwd),
      YARDSTICK("cudnn_tf32", "vendor/conv2d.cpp", conv2d_fwd_tf32),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, Conv2dDx>> conv2d_dx_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, Conv2dDx> rungs[] = {
      {"cpu_winograd", "conv2d/conv2d_cpu_winograd.cpp", Device::cpu, EACH_ISA(conv2d_dx_cpu_winograd),
       conv2d_supports_cpu_winograd, conv2d_dx_scratch_cpu_winograd},
      {"cpu_direct", "conv2d/conv2d_cpu_direct.cpp", Device::cpu, EACH_ISA(conv2d_dx_cpu_direct),
       conv2d_supports_cpu_direct, conv2d_dx_scratch_cpu_direct},
      {"v0_reference", "conv2d/conv2d_v0_reference.h", Device::cpu, PLAIN(conv2d_dx_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dx_v4_tensor_core_3xtf32),
      ON_GPU("v3_implicit_gemm", "conv2d/conv2d_v3_implicit_gemm.cu", conv2d_dx_v3_implicit_gemm),
      ON_GPU("v2_tiled", "conv2d/conv2d_v2_tiled.cu", conv2d_dx_v2_tiled),
      ON_GPU("v1_naive", "conv2d/conv2d_v1_naive.cu", conv2d_dx_v1_naive),
      // other bits than the rungs beside it: by name only
      ON_GPU_WHERE(conv2d_supports_v3_winograd, "v3_winograd", "conv2d/conv2d_v3_winograd.cu", conv2d_dx_v3_winograd,
                   emu::conv2d_scratch_v3_winograd),
      // less precise: by name only
      ON_GPU_SINCE(80, "v4_tensor_core_tf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dx_v4_tensor_core_tf32),
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dx_v4_tensor_core_bf16),
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_dx_v5_wgmma_bf16,
                   emu::conv2d_dx_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_dx),
      YARDSTICK("cudnn_tf32", "vendor/conv2d.cpp", conv2d_dx_tf32),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, Conv2dDw>> conv2d_dw_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, Conv2dDw> rungs[] = {
      {"cpu_winograd", "conv2d/conv2d_cpu_winograd_dw.cpp", Device::cpu, EACH_ISA(conv2d_dw_cpu_winograd),
       conv2d_supports_cpu_winograd, conv2d_dw_scratch_cpu_winograd},
      {"cpu_direct", "conv2d/conv2d_cpu_direct_dw.cpp", Device::cpu, EACH_ISA(conv2d_dw_cpu_direct), nullptr,
       conv2d_dw_scratch_cpu_direct},
      {"v0_reference", "conv2d/conv2d_v0_reference.h", Device::cpu, PLAIN(conv2d_dw_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dw_v4_tensor_core_3xtf32,
                   emu::conv2d_dw_scratch_gemm),
      ON_GPU("v3_implicit_gemm", "conv2d/conv2d_v3_implicit_gemm.cu", conv2d_dw_v3_implicit_gemm, nullptr,
             emu::conv2d_dw_scratch_gemm),
      ON_GPU("v2_tiled", "conv2d/conv2d_v2_tiled.cu", conv2d_dw_v2_tiled),
      ON_GPU("v1_naive", "conv2d/conv2d_v1_naive.cu", conv2d_dw_v1_naive),
      // less precise: by name only
      ON_GPU_SINCE(80, "v4_tensor_core_tf32", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dw_v4_tensor_core_tf32,
                   emu::conv2d_dw_scratch_gemm),
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dw_v4_tensor_core_bf16,
                   emu::conv2d_dw_scratch_gemm),
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_dw_v5_wgmma_bf16,
                   emu::conv2d_dw_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_dw),
      YARDSTICK("cudnn_tf32", "vendor/conv2d.cpp", conv2d_dw_tf32),
  };
  return rungs;
}

std::span<const Rung<MatmulDims, Matmul>> matmul_fwd_rungs() {
  static constexpr Rung<MatmulDims, Matmul> rungs[] = {
      {"cpu_packed", "matmul/matmul_cpu_packed.cpp", Device::cpu, EACH_ISA(matmul_fwd_cpu_packed), nullptr,
       matmul_scratch_cpu_packed},
      {"v0_reference", "matmul/matmul_v0_reference.h", Device::cpu, PLAIN(matmul_fwd_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "matmul/matmul_v4_tensor_core.cu", matmul_fwd_v4_tensor_core_3xtf32),
      ON_GPU("v3_register_tiled", "matmul/matmul_v3_register_tiled.cu", matmul_fwd_v3_register_tiled),
      ON_GPU("v2_tiled", "matmul/matmul_v2_tiled.cu", matmul_fwd_v2_tiled),
      ON_GPU("v1_naive", "matmul/matmul_v1_naive.cu", matmul_fwd_v1_naive),
      // less precise: by name only
      ON_GPU_SINCE(80, "v4_tensor_core_tf32", "matmul/matmul_v4_tensor_core.cu", matmul_fwd_v4_tensor_core_tf32),
      ON_GPU_WHERE(matmul_supports_v5_wgmma, "v5_wgmma_bf16", "matmul/matmul_v5_wgmma.cu", matmul_fwd_v5_wgmma_bf16,
                   emu::matmul_scratch_v5_wgmma),
      YARDSTICK("cublas", "vendor/matmul.cpp", matmul_fwd),
      YARDSTICK("cublas_tf32", "vendor/matmul.cpp", matmul_fwd_tf32),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormForward>> batch_norm_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormDims, BatchNormForward> rungs[] = {
      {"cpu_vector", "batch_norm/batch_norm_cpu_vector.cpp", Device::cpu, EACH_ISA(batch_norm_fwd_cpu_vector), nullptr,
       batch_norm_scratch},
      {"v0_reference", "batch_norm/batch_norm_v0_reference.h", Device::cpu, PLAIN(batch_norm_fwd_v0_reference<float>)},
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_fwd_v2_chunks, nullptr,
             emu::batch_norm_scratch_v2),
      ON_GPU("v1_naive", "batch_norm/batch_norm_v1_naive.cu", batch_norm_fwd_v1_naive),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_fwd),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormApply>> batch_norm_apply_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormDims, BatchNormApply> rungs[] = {
      {"cpu_vector", "batch_norm/batch_norm_cpu_vector.cpp", Device::cpu, EACH_ISA(batch_norm_apply_cpu_vector),
       nullptr, batch_norm_scratch},
      {"v0_reference", "batch_norm/batch_norm_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_apply_v0_reference<float>)},
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_apply_v2_chunks),
      ON_GPU("v1_naive", "batch_norm/batch_norm_v1_naive.cu", batch_norm_apply_v1_naive),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_apply),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormBackward>> batch_norm_bwd_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormDims, BatchNormBackward> rungs[] = {
      {"cpu_vector", "batch_norm/batch_norm_cpu_vector.cpp", Device::cpu, EACH_ISA(batch_norm_bwd_cpu_vector), nullptr,
       batch_norm_scratch},
      {"v0_reference", "batch_norm/batch_norm_v0_reference.h", Device::cpu, PLAIN(batch_norm_bwd_v0_reference<float>)},
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_bwd_v2_chunks, nullptr,
             emu::batch_norm_scratch_v2),
      ON_GPU("v1_naive", "batch_norm/batch_norm_v1_naive.cu", batch_norm_bwd_v1_naive),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_bwd),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dForward>> batch_norm_conv2d_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dForward> rungs[] = {
      {"v0_reference", "batch_norm_conv2d/batch_norm_conv2d_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_conv2d_fwd_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "batch_norm_conv2d/batch_norm_conv2d_v4_tensor_core.cu",
                   batch_norm_conv2d_fwd_v4_tensor_core_3xtf32, emu::batch_norm_conv2d_fwd_scratch_v4),
      ON_GPU("v1_apart", "batch_norm_conv2d/batch_norm_conv2d_v1_apart.cu", batch_norm_conv2d_fwd_v1_apart, nullptr,
             emu::batch_norm_conv2d_fwd_scratch_v1),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dDx>> batch_norm_conv2d_dx_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dDx> rungs[] = {
      {"v0_reference", "batch_norm_conv2d/batch_norm_conv2d_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_conv2d_dx_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "batch_norm_conv2d/batch_norm_conv2d_dx_v4_tensor_core.cu",
                   batch_norm_conv2d_dx_v4_tensor_core_3xtf32, emu::batch_norm_conv2d_dx_scratch_v4),
      ON_GPU("v1_apart", "batch_norm_conv2d/batch_norm_conv2d_v1_apart.cu", batch_norm_conv2d_dx_v1_apart, nullptr,
             emu::batch_norm_conv2d_dx_scratch_v1),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dDw>> batch_norm_conv2d_dw_rungs(StoredAs<float>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dDw> rungs[] = {
      {"v0_reference", "batch_norm_conv2d/batch_norm_conv2d_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_conv2d_dw_v0_reference<float>)},
      ON_GPU_SINCE(80, "v4_tensor_core_3xtf32", "batch_norm_conv2d/batch_norm_conv2d_v4_tensor_core.cu",
                   batch_norm_conv2d_dw_v4_tensor_core_3xtf32, emu::batch_norm_conv2d_dw_scratch_v4),
      ON_GPU("v1_apart", "batch_norm_conv2d/batch_norm_conv2d_v1_apart.cu", batch_norm_conv2d_dw_v1_apart, nullptr,
             emu::batch_norm_conv2d_dw_scratch_v1),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolForward>> batch_norm_pool_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolForward> rungs[] = {
      {"v0_reference", "batch_norm_pool/batch_norm_pool_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_pool_fwd_v0_reference<float>)},
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_fwd_v2_windows, nullptr,
             emu::batch_norm_pool_scratch_v2),
      ON_GPU("v1_naive", "batch_norm_pool/batch_norm_pool_v1_naive.cu", batch_norm_pool_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolApply>> batch_norm_pool_apply_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolApply> rungs[] = {
      {"v0_reference", "batch_norm_pool/batch_norm_pool_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_pool_apply_v0_reference<float>)},
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_apply_v2_windows),
      ON_GPU("v1_naive", "batch_norm_pool/batch_norm_pool_v1_naive.cu", batch_norm_pool_apply_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolBackward>> batch_norm_pool_bwd_rungs(StoredAs<float>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolBackward> rungs[] = {
      {"v0_reference", "batch_norm_pool/batch_norm_pool_v0_reference.h", Device::cpu,
       PLAIN(batch_norm_pool_bwd_v0_reference<float>)},
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_bwd_v2_windows, nullptr,
             emu::batch_norm_pool_scratch_v2),
      ON_GPU("v1_naive", "batch_norm_pool/batch_norm_pool_v1_naive.cu", batch_norm_pool_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dForward>> pool2d_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<Pool2dDims, Pool2dForward> rungs[] = {
      {"cpu_vector", "pool2d/pool2d_cpu_vector.cpp", Device::cpu, EACH_ISA(pool2d_fwd_cpu_vector)},
      {"v0_reference", "pool2d/pool2d_v0_reference.h", Device::cpu, PLAIN(pool2d_fwd_v0_reference<float>)},
      ON_GPU("v2_vector", "pool2d/pool2d_v2_vector.cu", pool2d_fwd_v2_vector, pool2d_supports_v2_vector),
      ON_GPU("v1_naive", "pool2d/pool2d_v1_naive.cu", pool2d_fwd_v1_naive),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_fwd),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dBackward>> pool2d_bwd_rungs(StoredAs<float>) {
  static constexpr Rung<Pool2dDims, Pool2dBackward> rungs[] = {
      {"cpu_vector", "pool2d/pool2d_cpu_vector.cpp", Device::cpu, EACH_ISA(pool2d_bwd_cpu_vector)},
      {"v0_reference", "pool2d/pool2d_v0_reference.h", Device::cpu, PLAIN(pool2d_bwd_v0_reference<float>)},
      ON_GPU("v2_vector", "pool2d/pool2d_v2_vector.cu", pool2d_bwd_v2_vector, pool2d_supports_v2_vector),
      ON_GPU("v1_naive", "pool2d/pool2d_v1_naive.cu", pool2d_bwd_v1_naive),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_bwd),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dTrain>> pool2d_train_rungs(StoredAs<float>) {
  static constexpr Rung<Pool2dDims, Pool2dTrain> rungs[] = {
      {"v0_reference", "pool2d/pool2d_v0_reference.h", Device::cpu, PLAIN(pool2d_train_v0_reference<float>)},
      ON_GPU_WHERE(pool2d_train_supports_v1_ops, "v1_ops", "pool2d/pool2d_train_v1_ops.cpp", pool2d_train_v1_ops,
                   pool2d_train_scratch_v1_ops),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_train),
  };
  return rungs;
}

std::span<const Rung<AffineGridDims, AffineGridForward>> affine_grid_fwd_rungs() {
  static constexpr Rung<AffineGridDims, AffineGridForward> rungs[] = {
      {"cpu_vector", "affine_grid/affine_grid_cpu_vector.cpp", Device::cpu, EACH_ISA(affine_grid_fwd_cpu_vector)},
      {"v0_reference", "affine_grid/affine_grid_v0_reference.h", Device::cpu,
       PLAIN(affine_grid_fwd_v0_reference<float>)},
      ON_GPU("v1_naive", "affine_grid/affine_grid_v1_naive.cu", affine_grid_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<AffineGridDims, AffineGridBackward>> affine_grid_bwd_rungs() {
  static constexpr Rung<AffineGridDims, AffineGridBackward> rungs[] = {
      {"cpu_vector", "affine_grid/affine_grid_cpu_vector.cpp", Device::cpu, EACH_ISA(affine_grid_bwd_cpu_vector)},
      {"v0_reference", "affine_grid/affine_grid_v0_reference.h", Device::cpu,
       PLAIN(affine_grid_bwd_v0_reference<float>)},
      ON_GPU("v1_naive", "affine_grid/affine_grid_v1_naive.cu", affine_grid_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<GridSampleDims, GridSampleForward>> grid_sample_fwd_rungs() {
  static constexpr Rung<GridSampleDims, GridSampleForward> rungs[] = {
      {"cpu_vector", "grid_sample/grid_sample_cpu_vector.cpp", Device::cpu, EACH_ISA(grid_sample_fwd_cpu_vector)},
      {"v0_reference", "grid_sample/grid_sample_v0_reference.h", Device::cpu,
       PLAIN(grid_sample_fwd_v0_reference<float>)},
      ON_GPU("v1_naive", "grid_sample/grid_sample_v1_naive.cu", grid_sample_fwd_v1_naive),
      YARDSTICK("cudnn", "vendor/grid_sample.cpp", grid_sample_fwd),
  };
  return rungs;
}

std::span<const Rung<GridSampleDims, GridSampleBackward>> grid_sample_bwd_rungs() {
  static constexpr Rung<GridSampleDims, GridSampleBackward> rungs[] = {
      {"cpu_vector", "grid_sample/grid_sample_cpu_vector.cpp", Device::cpu, EACH_ISA(grid_sample_bwd_cpu_vector)},
      {"v0_reference", "grid_sample/grid_sample_v0_reference.h", Device::cpu,
       PLAIN(grid_sample_bwd_v0_reference<float>)},
      ON_GPU("v2_whole_numbers", "grid_sample/grid_sample_v2_whole_numbers.cu", grid_sample_bwd_v2_whole_numbers,
             emu::grid_sample_supports_v2),
      ON_GPU("v1_naive", "grid_sample/grid_sample_v1_naive.cu", grid_sample_bwd_v1_naive),
      YARDSTICK("cudnn", "vendor/grid_sample.cpp", grid_sample_bwd),
  };
  return rungs;
}

std::span<const Rung<LstmDims, LstmForward>> lstm_fwd_rungs() {
  static constexpr Rung<LstmDims, LstmForward> rungs[] = {
      {"cpu_packed", "lstm/lstm_cpu_packed.cpp", Device::cpu, EACH_ISA(lstm_fwd_cpu_packed), nullptr,
       lstm_fwd_scratch_cpu_packed},
      {"v0_reference", "lstm/lstm_v0_reference.h", Device::cpu, PLAIN(lstm_fwd_v0_reference<float>)},
      ON_GPU_WHERE(lstm_supports_v3, "v3_persistent", "lstm/lstm_v3_persistent.cu", lstm_fwd_v3_persistent),
      ON_GPU("v2_fused_gates", "lstm/lstm_v2_fused_gates.cu", lstm_fwd_v2_fused_gates),
      ON_GPU("v1_stepwise", "lstm/lstm_v1_stepwise.cu", lstm_fwd_v1_stepwise, nullptr, emu::lstm_fwd_scratch_v1),
  };
  return rungs;
}

std::span<const Rung<LstmDims, LstmBackward>> lstm_bwd_rungs() {
  static constexpr Rung<LstmDims, LstmBackward> rungs[] = {
      {"cpu_packed", "lstm/lstm_cpu_packed.cpp", Device::cpu, EACH_ISA(lstm_bwd_cpu_packed), nullptr,
       lstm_bwd_scratch_cpu_packed},
      {"v0_reference", "lstm/lstm_v0_reference.h", Device::cpu, PLAIN(lstm_bwd_v0_reference<float>)},
      ON_GPU_WHERE(lstm_supports_v3, "v3_persistent", "lstm/lstm_v3_persistent.cu", lstm_bwd_v3_persistent),
      ON_GPU("v2_fused_gates", "lstm/lstm_v2_fused_gates.cu", lstm_bwd_v2_fused_gates, nullptr,
             emu::lstm_bwd_scratch_gpu),
      ON_GPU("v1_stepwise", "lstm/lstm_v1_stepwise.cu", lstm_bwd_v1_stepwise, nullptr, emu::lstm_bwd_scratch_gpu),
  };
  return rungs;
}

std::span<const Rung<LstmDims, LstmLayerForward>> lstm_layer_fwd_rungs() {
  static constexpr Rung<LstmDims, LstmLayerForward> rungs[] = {
      {"v0_reference", "lstm/lstm_layer_v0_reference.h", Device::cpu, PLAIN(lstm_layer_fwd_v0_reference<float>)},
      ON_GPU_WHERE(lstm_layer_supports_v1_ops, "v1_ops", "lstm/lstm_layer_v1_ops.cpp", lstm_layer_fwd_v1_ops,
                   lstm_layer_fwd_scratch_v1_ops),
      YARDSTICK("cudnn", "vendor/lstm.cpp", lstm_layer_fwd),
  };
  return rungs;
}

std::span<const Rung<LstmDims, LstmLayerTrain>> lstm_layer_train_rungs() {
  static constexpr Rung<LstmDims, LstmLayerTrain> rungs[] = {
      {"v0_reference", "lstm/lstm_layer_v0_reference.h", Device::cpu, PLAIN(lstm_layer_train_v0_reference<float>)},
      ON_GPU_WHERE(lstm_layer_supports_v1_ops, "v1_ops", "lstm/lstm_layer_v1_ops.cpp", lstm_layer_train_v1_ops,
                   lstm_layer_train_scratch_v1_ops),
      YARDSTICK("cudnn", "vendor/lstm.cpp", lstm_layer_train),
  };
  return rungs;
}

std::span<const Rung<AttentionDims, AttentionForward>> attention_fwd_rungs() {
  static constexpr Rung<AttentionDims, AttentionForward> rungs[] = {
      {"v0_reference", "attention/attention_v0_reference.h", Device::cpu, PLAIN(attention_fwd_v0_reference<float>)},
      ON_GPU("v2_block", "attention/attention_v2_block.cu", attention_fwd_v2_block),
      ON_GPU("v1_naive", "attention/attention_v1_naive.cu", attention_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<AttentionDims, AttentionBackward>> attention_bwd_rungs() {
  static constexpr Rung<AttentionDims, AttentionBackward> rungs[] = {
      {"v0_reference", "attention/attention_v0_reference.h", Device::cpu, PLAIN(attention_bwd_v0_reference<float>)},
      ON_GPU("v2_block", "attention/attention_v2_block.cu", attention_bwd_v2_block, nullptr,
             emu::attention_bwd_scratch_v2),
      ON_GPU("v1_naive", "attention/attention_v1_naive.cu", attention_bwd_v1_naive, nullptr,
             emu::attention_bwd_scratch_v1),
  };
  return rungs;
}

std::span<const Rung<ReduceDims, ReduceForward>> reduce_fwd_rungs() {
  static constexpr Rung<ReduceDims, ReduceForward> rungs[] = {
      {"cpu_vector", "reduce/reduce_cpu_vector.cpp", Device::cpu, EACH_ISA(reduce_fwd_cpu_vector), nullptr,
       reduce_scratch},
      {"v0_reference", "reduce/reduce_v0_reference.h", Device::cpu, PLAIN(reduce_fwd_v0_reference<float>)},
      ON_GPU("v2_block", "reduce/reduce_v2_block.cu", reduce_fwd_v2_block, reduce_supports_v2_block),
      ON_GPU("v1_naive", "reduce/reduce_v1_naive.cu", reduce_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<ReduceDims, ReduceBackward>> reduce_bwd_rungs() {
  static constexpr Rung<ReduceDims, ReduceBackward> rungs[] = {
      {"cpu_vector", "reduce/reduce_cpu_vector.cpp", Device::cpu, EACH_ISA(reduce_bwd_cpu_vector)},
      {"v0_reference", "reduce/reduce_v0_reference.h", Device::cpu, PLAIN(reduce_bwd_v0_reference<float>)},
      ON_GPU("v1_naive", "reduce/reduce_v1_naive.cu", reduce_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<UnaryDims, UnaryForward>> unary_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<UnaryDims, UnaryForward> rungs[] = {
      {"cpu_vector", "unary/unary_cpu_vector.cpp", Device::cpu, EACH_ISA(unary_fwd_cpu_vector)},
      {"v0_reference", "unary/unary_v0_reference.h", Device::cpu, PLAIN(unary_fwd_v0_reference<float>)},
      ON_GPU("v2_vector", "unary/unary_v2_vector.cu", unary_fwd_v2_vector),
      ON_GPU("v1_naive", "unary/unary_v1_naive.cu", unary_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<UnaryDims, UnaryBackward>> unary_bwd_rungs(StoredAs<float>) {
  static constexpr Rung<UnaryDims, UnaryBackward> rungs[] = {
      {"cpu_vector", "unary/unary_cpu_vector.cpp", Device::cpu, EACH_ISA(unary_bwd_cpu_vector)},
      {"v0_reference", "unary/unary_v0_reference.h", Device::cpu, PLAIN(unary_bwd_v0_reference<float>)},
      ON_GPU("v2_vector", "unary/unary_v2_vector.cu", unary_bwd_v2_vector),
      ON_GPU("v1_naive", "unary/unary_v1_naive.cu", unary_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BinaryDims, BinaryForward>> binary_fwd_rungs() {
  static constexpr Rung<BinaryDims, BinaryForward> rungs[] = {
      {"cpu_vector", "binary/binary_cpu_vector.cpp", Device::cpu, EACH_ISA(binary_fwd_cpu_vector)},
      {"v0_reference", "binary/binary_v0_reference.h", Device::cpu, PLAIN(binary_fwd_v0_reference<float>)},
      ON_GPU("v2_vector", "binary/binary_v2_vector.cu", binary_fwd_v2_vector, binary_supports_v2_vector),
      ON_GPU("v1_naive", "binary/binary_v1_naive.cu", binary_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BinaryDims, BinaryBackward>> binary_bwd_rungs() {
  static constexpr Rung<BinaryDims, BinaryBackward> rungs[] = {
      {"cpu_vector", "binary/binary_cpu_vector.cpp", Device::cpu, EACH_ISA(binary_bwd_cpu_vector)},
      {"v0_reference", "binary/binary_v0_reference.h", Device::cpu, PLAIN(binary_bwd_v0_reference<float>)},
      ON_GPU("v1_naive", "binary/binary_v1_naive.cu", binary_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<SoftmaxDims, SoftmaxForward>> softmax_fwd_rungs() {
  static constexpr Rung<SoftmaxDims, SoftmaxForward> rungs[] = {
      {"cpu_vector", "softmax/softmax_cpu_vector.cpp", Device::cpu, EACH_ISA(softmax_fwd_cpu_vector)},
      {"v0_reference", "softmax/softmax_v0_reference.h", Device::cpu, PLAIN(softmax_fwd_v0_reference<float>)},
      ON_GPU("v2_warp", "softmax/softmax_v2_warp.cu", softmax_fwd_v2_warp, softmax_supports_v2_warp),
      ON_GPU("v3_block", "softmax/softmax_v3_block.cu", softmax_fwd_v3_block),
      ON_GPU("v1_naive", "softmax/softmax_v1_naive.cu", softmax_fwd_v1_naive),
      YARDSTICK("cudnn", "vendor/softmax.cpp", softmax_fwd),
  };
  return rungs;
}

std::span<const Rung<SoftmaxDims, SoftmaxBackward>> softmax_bwd_rungs() {
  static constexpr Rung<SoftmaxDims, SoftmaxBackward> rungs[] = {
      {"cpu_vector", "softmax/softmax_cpu_vector.cpp", Device::cpu, EACH_ISA(softmax_bwd_cpu_vector)},
      {"v0_reference", "softmax/softmax_v0_reference.h", Device::cpu, PLAIN(softmax_bwd_v0_reference<float>)},
      ON_GPU("v2_warp", "softmax/softmax_v2_warp.cu", softmax_bwd_v2_warp, softmax_supports_v2_warp),
      ON_GPU("v3_block", "softmax/softmax_v3_block.cu", softmax_bwd_v3_block),
      ON_GPU("v1_naive", "softmax/softmax_v1_naive.cu", softmax_bwd_v1_naive),
      YARDSTICK("cudnn", "vendor/softmax.cpp", softmax_bwd),
  };
  return rungs;
}

std::span<const Rung<CrossEntropyDims, CrossEntropyForward>> cross_entropy_fwd_rungs() {
  static constexpr Rung<CrossEntropyDims, CrossEntropyForward> rungs[] = {
      {"cpu_vector", "cross_entropy/cross_entropy_cpu_vector.cpp", Device::cpu, EACH_ISA(cross_entropy_fwd_cpu_vector)},
      {"v0_reference", "cross_entropy/cross_entropy_v0_reference.h", Device::cpu,
       PLAIN(cross_entropy_fwd_v0_reference<float>)},
      ON_GPU("v2_warp", "cross_entropy/cross_entropy_v2_warp.cu", cross_entropy_fwd_v2_warp),
      ON_GPU("v1_naive", "cross_entropy/cross_entropy_v1_naive.cu", cross_entropy_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<CrossEntropyDims, CrossEntropyBackward>> cross_entropy_bwd_rungs() {
  static constexpr Rung<CrossEntropyDims, CrossEntropyBackward> rungs[] = {
      {"cpu_vector", "cross_entropy/cross_entropy_cpu_vector.cpp", Device::cpu, EACH_ISA(cross_entropy_bwd_cpu_vector)},
      {"v0_reference", "cross_entropy/cross_entropy_v0_reference.h", Device::cpu,
       PLAIN(cross_entropy_bwd_v0_reference<float>)},
      ON_GPU("v2_warp", "cross_entropy/cross_entropy_v2_warp.cu", cross_entropy_bwd_v2_warp),
      ON_GPU("v1_naive", "cross_entropy/cross_entropy_v1_naive.cu", cross_entropy_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BceDims, BceForward>> bce_fwd_rungs() {
  static constexpr Rung<BceDims, BceForward> rungs[] = {
      {"cpu_vector", "bce/bce_cpu_vector.cpp", Device::cpu, EACH_ISA(bce_fwd_cpu_vector)},
      {"v0_reference", "bce/bce_v0_reference.h", Device::cpu, PLAIN(bce_fwd_v0_reference<float>)},
      ON_GPU("v1_naive", "bce/bce_v1_naive.cu", bce_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<BceDims, BceBackward>> bce_bwd_rungs() {
  static constexpr Rung<BceDims, BceBackward> rungs[] = {
      {"cpu_vector", "bce/bce_cpu_vector.cpp", Device::cpu, EACH_ISA(bce_bwd_cpu_vector)},
      {"v0_reference", "bce/bce_v0_reference.h", Device::cpu, PLAIN(bce_bwd_v0_reference<float>)},
      ON_GPU("v1_naive", "bce/bce_v1_naive.cu", bce_bwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<DropoutDims, DropoutForward>> dropout_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<DropoutDims, DropoutForward> rungs[] = {
      {"cpu_vector", "dropout/dropout_cpu_vector.cpp", Device::cpu, EACH_ISA(dropout_fwd_cpu_vector)},
      {"v0_reference", "dropout/dropout_v0_reference.h", Device::cpu, PLAIN(dropout_fwd_v0_reference<float>)},
      ON_GPU("v2_vector", "dropout/dropout_v2_vector.cu", dropout_fwd_v2_vector),
      ON_GPU("v1_naive", "dropout/dropout_v1_naive.cu", dropout_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<CopyDims, Copy>> copy_fwd_rungs(StoredAs<float>) {
  static constexpr Rung<CopyDims, Copy> rungs[] = {
      {"cpu_vector", "copy/copy_cpu_vector.cpp", Device::cpu, EACH_ISA(copy_fwd_cpu_vector)},
      {"v0_reference", "copy/copy_v0_reference.h", Device::cpu, PLAIN(copy_fwd_v0_reference<float>)},
      ON_GPU("v1_naive", "copy/copy_v1_naive.cu", copy_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<CastDims, CastNarrow>> cast_narrow_rungs() {
  static constexpr Rung<CastDims, CastNarrow> rungs[] = {
      {"cpu_vector", "cast/cast_cpu_vector.cpp", Device::cpu, EACH_ISA(cast_narrow_cpu_vector)},
      {"v0_reference", "cast/cast_v0_reference.h", Device::cpu, PLAIN(cast_narrow_v0_reference)},
      ON_GPU("v2_vector", "cast/cast_v2_vector.cu", cast_narrow_v2_vector),
      ON_GPU("v1_naive", "cast/cast_v1_naive.cu", cast_narrow_v1_naive),
  };
  return rungs;
}

std::span<const Rung<CastDims, CastWiden>> cast_widen_rungs() {
  static constexpr Rung<CastDims, CastWiden> rungs[] = {
      {"cpu_vector", "cast/cast_cpu_vector.cpp", Device::cpu, EACH_ISA(cast_widen_cpu_vector)},
      {"v0_reference", "cast/cast_v0_reference.h", Device::cpu, PLAIN(cast_widen_v0_reference)},
      ON_GPU("v2_vector", "cast/cast_v2_vector.cu", cast_widen_v2_vector),
      ON_GPU("v1_naive", "cast/cast_v1_naive.cu", cast_widen_v1_naive),
  };
  return rungs;
}

std::span<const Rung<AdamDims, AdamStep>> adam_step_rungs() {
  static constexpr Rung<AdamDims, AdamStep> rungs[] = {
      {"cpu_vector", "adam/adam_cpu_vector.cpp", Device::cpu, EACH_ISA(adam_step_cpu_vector)},
      {"v0_reference", "adam/adam_v0_reference.h", Device::cpu, PLAIN(adam_step_v0_reference<float>)},
      ON_GPU("v1_naive", "adam/adam_v1_naive.cu", adam_step_v1_naive),
  };
  return rungs;
}

std::span<const Rung<AdamDims, AdamMany>> adam_many_rungs() {
  static constexpr Rung<AdamDims, AdamMany> rungs[] = {
      {"cpu_vector", "adam/adam_cpu_vector.cpp", Device::cpu, EACH_ISA(adam_many_cpu_vector)},
      {"v0_reference", "adam/adam_v0_reference.h", Device::cpu, PLAIN(adam_many_v0_reference)},
      ON_GPU("v2_multi_tensor", "adam/adam_v2_multi_tensor.cu", adam_many_v2_multi_tensor),
  };
  return rungs;
}

std::span<const Rung<SgdDims, SgdStep>> sgd_step_rungs() {
  static constexpr Rung<SgdDims, SgdStep> rungs[] = {
      {"cpu_vector", "sgd/sgd_cpu_vector.cpp", Device::cpu, EACH_ISA(sgd_step_cpu_vector)},
      {"v0_reference", "sgd/sgd_v0_reference.h", Device::cpu, PLAIN(sgd_step_v0_reference<float>)},
      ON_GPU("v1_naive", "sgd/sgd_v1_naive.cu", sgd_step_v1_naive),
  };
  return rungs;
}

std::span<const Rung<MovingAverageDims, MovingAverage>> moving_average_step_rungs() {
  static constexpr Rung<MovingAverageDims, MovingAverage> rungs[] = {
      {"v0_reference", "moving_average/moving_average_v0_reference.h", Device::cpu,
       PLAIN(moving_average_step_v0_reference<float>)},
      ON_GPU("v1_naive", "moving_average/moving_average_v1_naive.cu", moving_average_step_v1_naive),
  };
  return rungs;
}

std::span<const Rung<SumSquaresDims, SumSquares>> sum_squares_fwd_rungs() {
  static constexpr Rung<SumSquaresDims, SumSquares> rungs[] = {
      {"cpu_vector", "sum_squares/sum_squares_cpu_vector.cpp", Device::cpu, EACH_ISA(sum_squares_fwd_cpu_vector),
       nullptr, sum_squares_scratch},
      {"v0_reference", "sum_squares/sum_squares_v0_reference.h", Device::cpu,
       PLAIN(sum_squares_fwd_v0_reference<float>)},
      ON_GPU("v1_blocks", "sum_squares/sum_squares_v1_blocks.cu", sum_squares_fwd_v1_blocks, nullptr,
             sum_squares_scratch),
  };
  return rungs;
}

std::span<const Rung<StftDims, StftPower>> stft_fwd_rungs() {
  static constexpr Rung<StftDims, StftPower> rungs[] = {
      {"cpu_vector", "stft/stft_cpu_vector.cpp", Device::cpu, EACH_ISA(stft_fwd_cpu_vector), stft_cpu_vector_supports},
      {"v0_reference", "stft/stft_v0_reference.cpp", Device::cpu, PLAIN(stft_fwd_v0_reference), nullptr,
       stft_v0_reference_scratch},
      ON_GPU("v2_fft", "stft/stft_v2_fft.cu", stft_fwd_v2_fft, emu::stft_supports_v2_fft),
      ON_GPU("v1_naive", "stft/stft_v1_naive.cu", stft_fwd_v1_naive),
  };
  return rungs;
}

std::span<const Rung<LogMelDims, LogMel>> mel_fwd_rungs() {
  static constexpr Rung<LogMelDims, LogMel> rungs[] = {
      {"cpu_vector", "mel/mel_cpu_vector.cpp", Device::cpu, EACH_ISA(mel_fwd_cpu_vector), mel_cpu_vector_supports},
      {"v0_reference", "mel/mel_v0_reference.cpp", Device::cpu, PLAIN(mel_fwd_v0_reference), nullptr,
       mel_v0_reference_scratch},
      ON_GPU("v1_two_kernels", "mel/mel_v1_two_kernels.cu", mel_fwd_v1_two_kernels, emu::mel_supports_v1_two_kernels,
             emu::mel_scratch_v1_two_kernels),
  };
  return rungs;
}

// ---- maps stored in bf16 ----

std::span<const Rung<Conv2dDims, Conv2dForwardOf<bf16>>> conv2d_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, Conv2dForwardOf<bf16>> rungs[] = {
      {"cpu_winograd", "conv2d/conv2d_cpu_winograd.cpp", Device::cpu, EACH_ISA(conv2d_fwd_cpu_winograd),
       conv2d_supports_cpu_winograd, conv2d_fwd_scratch_cpu_winograd},
      {"cpu_direct", "conv2d/conv2d_cpu_direct.cpp", Device::cpu, EACH_ISA(conv2d_fwd_cpu_direct),
       conv2d_supports_cpu_direct, conv2d_fwd_scratch_cpu_direct_bf16},
      {"v0_reference", "conv2d/conv2d_v0_reference.h", Device::cpu, PLAIN(conv2d_fwd_v0_reference<bf16>)},
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_fwd_v4_tensor_core_bf16),
      // unmeasured: by name only
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_fwd_v5_wgmma_bf16,
                   emu::conv2d_fwd_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_fwd_bf16),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, Conv2dDxOf<bf16>>> conv2d_dx_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, Conv2dDxOf<bf16>> rungs[] = {
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dx_v4_tensor_core_bf16),
      // unmeasured: by name only
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_dx_v5_wgmma_bf16,
                   emu::conv2d_dx_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_dx_bf16),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, Conv2dDwOf<bf16>>> conv2d_dw_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, Conv2dDwOf<bf16>> rungs[] = {
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "conv2d/conv2d_v4_tensor_core.cu", conv2d_dw_v4_tensor_core_bf16,
                   emu::conv2d_dw_scratch_gemm),
      // unmeasured: by name only
      ON_GPU_WHERE(conv2d_supports_v5_wgmma, "v5_wgmma_bf16", "conv2d/conv2d_v5_wgmma.cu", conv2d_dw_v5_wgmma_bf16,
                   emu::conv2d_dw_scratch_v5_wgmma),
      YARDSTICK("cudnn", "vendor/conv2d.cpp", conv2d_dw_bf16),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormForwardOf<bf16>>> batch_norm_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormDims, BatchNormForwardOf<bf16>> rungs[] = {
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_fwd_v2_chunks, nullptr,
             emu::batch_norm_scratch_v2),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_fwd_bf16),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormApplyOf<bf16>>> batch_norm_apply_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormDims, BatchNormApplyOf<bf16>> rungs[] = {
      {"cpu_vector", "batch_norm/batch_norm_cpu_vector.cpp", Device::cpu, EACH_ISA(batch_norm_apply_cpu_vector),
       nullptr, batch_norm_scratch},
      {"v0_reference", "batch_norm/batch_norm_v0_reference.h", Device::cpu, PLAIN(batch_norm_apply_v0_reference<bf16>)},
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_apply_v2_chunks),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_apply_bf16),
  };
  return rungs;
}

std::span<const Rung<BatchNormDims, BatchNormBackwardOf<bf16>>> batch_norm_bwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormDims, BatchNormBackwardOf<bf16>> rungs[] = {
      ON_GPU("v2_chunks", "batch_norm/batch_norm_v2_chunks.cu", batch_norm_bwd_v2_chunks, nullptr,
             emu::batch_norm_scratch_v2),
      YARDSTICK("cudnn", "vendor/batch_norm.cpp", batch_norm_bwd_bf16),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dForwardOf<bf16>>> batch_norm_conv2d_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dForwardOf<bf16>> rungs[] = {
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "batch_norm_conv2d/batch_norm_conv2d_v4_tensor_core.cu",
                   batch_norm_conv2d_fwd_v4_tensor_core_bf16, emu::batch_norm_conv2d_fwd_scratch_v4),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dDxOf<bf16>>> batch_norm_conv2d_dx_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dDxOf<bf16>> rungs[] = {
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "batch_norm_conv2d/batch_norm_conv2d_dx_v4_tensor_core.cu",
                   batch_norm_conv2d_dx_v4_tensor_core_bf16, emu::batch_norm_conv2d_dx_scratch_v4),
  };
  return rungs;
}

std::span<const Rung<Conv2dDims, BatchNormConv2dDwOf<bf16>>> batch_norm_conv2d_dw_rungs(StoredAs<bf16>) {
  static constexpr Rung<Conv2dDims, BatchNormConv2dDwOf<bf16>> rungs[] = {
      ON_GPU_SINCE(80, "v4_tensor_core_bf16", "batch_norm_conv2d/batch_norm_conv2d_v4_tensor_core.cu",
                   batch_norm_conv2d_dw_v4_tensor_core_bf16, emu::batch_norm_conv2d_dw_scratch_v4),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolForwardOf<bf16>>> batch_norm_pool_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolForwardOf<bf16>> rungs[] = {
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_fwd_v2_windows, nullptr,
             emu::batch_norm_pool_scratch_v2),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolApplyOf<bf16>>> batch_norm_pool_apply_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolApplyOf<bf16>> rungs[] = {
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_apply_v2_windows),
  };
  return rungs;
}

std::span<const Rung<BatchNormPoolDims, BatchNormPoolBackwardOf<bf16>>> batch_norm_pool_bwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<BatchNormPoolDims, BatchNormPoolBackwardOf<bf16>> rungs[] = {
      ON_GPU("v2_windows", "batch_norm_pool/batch_norm_pool_v2_windows.cu", batch_norm_pool_bwd_v2_windows, nullptr,
             emu::batch_norm_pool_scratch_v2),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dForwardOf<bf16>>> pool2d_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<Pool2dDims, Pool2dForwardOf<bf16>> rungs[] = {
      {"cpu_vector", "pool2d/pool2d_cpu_vector.cpp", Device::cpu, EACH_ISA(pool2d_fwd_cpu_vector)},
      {"v0_reference", "pool2d/pool2d_v0_reference.h", Device::cpu, PLAIN(pool2d_fwd_v0_reference<bf16>)},
      ON_GPU("v2_vector", "pool2d/pool2d_v2_vector.cu", pool2d_fwd_v2_vector, pool2d_supports_v2_vector),
      ON_GPU("v1_naive", "pool2d/pool2d_v1_naive.cu", pool2d_fwd_v1_naive),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_fwd_bf16),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dBackwardOf<bf16>>> pool2d_bwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<Pool2dDims, Pool2dBackwardOf<bf16>> rungs[] = {
      ON_GPU("v2_vector", "pool2d/pool2d_v2_vector.cu", pool2d_bwd_v2_vector, pool2d_supports_v2_vector),
      ON_GPU("v1_naive", "pool2d/pool2d_v1_naive.cu", pool2d_bwd_v1_naive),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_bwd_bf16),
  };
  return rungs;
}

std::span<const Rung<Pool2dDims, Pool2dTrainOf<bf16>>> pool2d_train_rungs(StoredAs<bf16>) {
  static constexpr Rung<Pool2dDims, Pool2dTrainOf<bf16>> rungs[] = {
      ON_GPU_WHERE(pool2d_train_supports_v1_ops, "v1_ops", "pool2d/pool2d_train_v1_ops.cpp", pool2d_train_v1_ops,
                   pool2d_train_scratch_v1_ops),
      YARDSTICK("cudnn", "vendor/pool2d.cpp", pool2d_train_bf16),
  };
  return rungs;
}

std::span<const Rung<UnaryDims, UnaryForwardOf<bf16>>> unary_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<UnaryDims, UnaryForwardOf<bf16>> rungs[] = {
      {"cpu_vector", "unary/unary_cpu_vector.cpp", Device::cpu, EACH_ISA(unary_fwd_cpu_vector)},
      {"v0_reference", "unary/unary_v0_reference.h", Device::cpu, PLAIN(unary_fwd_v0_reference<bf16>)},
      ON_GPU("v2_vector", "unary/unary_v2_vector.cu", unary_fwd_v2_vector),
  };
  return rungs;
}

std::span<const Rung<UnaryDims, UnaryBackwardOf<bf16>>> unary_bwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<UnaryDims, UnaryBackwardOf<bf16>> rungs[] = {
      ON_GPU("v2_vector", "unary/unary_v2_vector.cu", unary_bwd_v2_vector),
  };
  return rungs;
}

std::span<const Rung<DropoutDims, DropoutForwardOf<bf16>>> dropout_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<DropoutDims, DropoutForwardOf<bf16>> rungs[] = {
      ON_GPU("v2_vector", "dropout/dropout_v2_vector.cu", dropout_fwd_v2_vector),
  };
  return rungs;
}

std::span<const Rung<CopyDims, CopyOf<bf16>>> copy_fwd_rungs(StoredAs<bf16>) {
  static constexpr Rung<CopyDims, CopyOf<bf16>> rungs[] = {
      {"cpu_vector", "copy/copy_cpu_vector.cpp", Device::cpu, EACH_ISA(copy_fwd_cpu_vector)},
      {"v0_reference", "copy/copy_v0_reference.h", Device::cpu, PLAIN(copy_fwd_v0_reference<bf16>)},
      ON_GPU("v1_naive", "copy/copy_v1_naive.cu", copy_fwd_v1_naive),
  };
  return rungs;
}

namespace {

template <class Visitor>
void for_each_pass(const Visitor& visit) {
  visit(Pass{"conv2d", "fwd"}, conv2d_fwd_rungs());
  visit(Pass{"conv2d", "dx"}, conv2d_dx_rungs());
  visit(Pass{"conv2d", "dw"}, conv2d_dw_rungs());
  visit(Pass{"matmul", "fwd"}, matmul_fwd_rungs());
  visit(Pass{"batch_norm", "fwd"}, batch_norm_fwd_rungs());
  visit(Pass{"batch_norm", "apply"}, batch_norm_apply_rungs());
  visit(Pass{"batch_norm", "bwd"}, batch_norm_bwd_rungs());
  visit(Pass{"batch_norm_conv2d", "fwd"}, batch_norm_conv2d_fwd_rungs());
  visit(Pass{"batch_norm_conv2d", "dx"}, batch_norm_conv2d_dx_rungs());
  visit(Pass{"batch_norm_conv2d", "dw"}, batch_norm_conv2d_dw_rungs());
  visit(Pass{"batch_norm_pool", "fwd"}, batch_norm_pool_fwd_rungs());
  visit(Pass{"batch_norm_pool", "apply"}, batch_norm_pool_apply_rungs());
  visit(Pass{"batch_norm_pool", "bwd"}, batch_norm_pool_bwd_rungs());
  visit(Pass{"pool2d", "fwd"}, pool2d_fwd_rungs());
  visit(Pass{"pool2d", "bwd"}, pool2d_bwd_rungs());
  visit(Pass{"pool2d", "train"}, pool2d_train_rungs());
  visit(Pass{"affine_grid", "fwd"}, affine_grid_fwd_rungs());
  visit(Pass{"affine_grid", "bwd"}, affine_grid_bwd_rungs());
  visit(Pass{"grid_sample", "fwd"}, grid_sample_fwd_rungs());
  visit(Pass{"grid_sample", "bwd"}, grid_sample_bwd_rungs());
  visit(Pass{"lstm", "fwd"}, lstm_fwd_rungs());
  visit(Pass{"lstm", "bwd"}, lstm_bwd_rungs());
  visit(Pass{"lstm", "layer_fwd"}, lstm_layer_fwd_rungs());
  visit(Pass{"lstm", "layer_train"}, lstm_layer_train_rungs());
  visit(Pass{"attention", "fwd"}, attention_fwd_rungs());
  visit(Pass{"attention", "bwd"}, attention_bwd_rungs());
  visit(Pass{"reduce", "fwd"}, reduce_fwd_rungs());
  visit(Pass{"reduce", "bwd"}, reduce_bwd_rungs());
  visit(Pass{"unary", "fwd"}, unary_fwd_rungs());
  visit(Pass{"unary", "bwd"}, unary_bwd_rungs());
  visit(Pass{"binary", "fwd"}, binary_fwd_rungs());
  visit(Pass{"binary", "bwd"}, binary_bwd_rungs());
  visit(Pass{"softmax", "fwd"}, softmax_fwd_rungs());
  visit(Pass{"softmax", "bwd"}, softmax_bwd_rungs());
  visit(Pass{"cross_entropy", "fwd"}, cross_entropy_fwd_rungs());
  visit(Pass{"cross_entropy", "bwd"}, cross_entropy_bwd_rungs());
  visit(Pass{"bce", "fwd"}, bce_fwd_rungs());
  visit(Pass{"bce", "bwd"}, bce_bwd_rungs());
  visit(Pass{"dropout", "fwd"}, dropout_fwd_rungs());
  visit(Pass{"copy", "fwd"}, copy_fwd_rungs());
  visit(Pass{"cast", "narrow"}, cast_narrow_rungs());
  visit(Pass{"cast", "widen"}, cast_widen_rungs());
  visit(Pass{"adam", "step"}, adam_step_rungs());
  visit(Pass{"adam", "many"}, adam_many_rungs());
  visit(Pass{"sgd", "step"}, sgd_step_rungs());
  visit(Pass{"moving_average", "step"}, moving_average_step_rungs());
  visit(Pass{"sum_squares", "fwd"}, sum_squares_fwd_rungs());
  visit(Pass{"stft", "fwd"}, stft_fwd_rungs());
  visit(Pass{"mel", "fwd"}, mel_fwd_rungs());
  visit(Pass{"conv2d", "fwd_bf16"}, conv2d_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"conv2d", "dx_bf16"}, conv2d_dx_rungs(StoredAs<bf16>{}));
  visit(Pass{"conv2d", "dw_bf16"}, conv2d_dw_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm", "fwd_bf16"}, batch_norm_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm", "apply_bf16"}, batch_norm_apply_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm", "bwd_bf16"}, batch_norm_bwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_conv2d", "fwd_bf16"}, batch_norm_conv2d_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_conv2d", "dx_bf16"}, batch_norm_conv2d_dx_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_conv2d", "dw_bf16"}, batch_norm_conv2d_dw_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_pool", "fwd_bf16"}, batch_norm_pool_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_pool", "apply_bf16"}, batch_norm_pool_apply_rungs(StoredAs<bf16>{}));
  visit(Pass{"batch_norm_pool", "bwd_bf16"}, batch_norm_pool_bwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"pool2d", "fwd_bf16"}, pool2d_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"pool2d", "bwd_bf16"}, pool2d_bwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"pool2d", "train_bf16"}, pool2d_train_rungs(StoredAs<bf16>{}));
  visit(Pass{"unary", "fwd_bf16"}, unary_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"unary", "bwd_bf16"}, unary_bwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"dropout", "fwd_bf16"}, dropout_fwd_rungs(StoredAs<bf16>{}));
  visit(Pass{"copy", "fwd_bf16"}, copy_fwd_rungs(StoredAs<bf16>{}));
}

}  // namespace

const GpuRuntime* gpu_runtime(Device device) {
  if (device == Device::emu) return &emu::runtime;
#ifdef LIMBIC_CUDA
  if (device == Device::cuda) return &cuda::runtime;
#endif
  return nullptr;
}

std::vector<KernelInfo> kernel_list() {
  std::vector<KernelInfo> list;
  const int isa = static_cast<int>(active_isa());
  for_each_pass([&](Pass pass, const auto& rungs) {
    bool taken[3] = {};  // by device
    for (const auto& rung : rungs) {
      const bool runs = rung.run[isa] != nullptr;
      bool& first = taken[static_cast<int>(rung.device)];
      list.push_back(
          {pass.op, pass.pass, rung.name, rung.device, rung.file, runs && !first && !is_yardstick(rung.name), runs});
      first |= runs;
    }
  });
  return list;
}

bool force_kernel(const char* op, const char* name) {
  bool known = false;
  for_each_pass([&](Pass pass, const auto& rungs) {
    if (!same_name(pass.op, op)) return;
    for (const auto& rung : rungs) known |= !*name || same_name(rung.name, name);
  });
  if (known) remember_forced_kernel(op, name);
  return known;
}

}  // namespace limbic
