// SPDX-License-Identifier: Apache-2.0
// cuDNN's and cuBLAS's rungs: yardsticks, never picked by themselves. They live in a shared module of their own,
// liblimbic-vendor.so, which is opened when one is first asked for, so that nothing else needs the two libraries.
#pragma once
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gpu_runtime.h"
#include "kernels/grid_sample/grid_sample.h"
#include "kernels/lstm/lstm.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"
#include "kernels/vendor/yardsticks.h"

namespace limbic {

template <class Dims, class Fn>
struct VendorRung {
  Fn* run;
  bool (*supports)(const Dims&);  ///< asks the library, where a shape may be beyond it
};

/// What the module holds. Rungs named `..._tf32` may round what they multiply to 11 bits, the others compute in f32;
/// maps of those named `..._bf16` are stored so.
struct VendorKernels {
  VendorRung<Conv2dDims, Conv2dForward> conv2d_fwd, conv2d_fwd_tf32;
  VendorRung<Conv2dDims, Conv2dDx> conv2d_dx, conv2d_dx_tf32;
  VendorRung<Conv2dDims, Conv2dDw> conv2d_dw, conv2d_dw_tf32;
  VendorRung<Conv2dDims, Conv2dForwardOf<bf16>> conv2d_fwd_bf16;
  VendorRung<Conv2dDims, Conv2dDxOf<bf16>> conv2d_dx_bf16;
  VendorRung<Conv2dDims, Conv2dDwOf<bf16>> conv2d_dw_bf16;
  VendorRung<MatmulDims, Matmul> matmul_fwd, matmul_fwd_tf32;
  VendorRung<BatchNormDims, BatchNormForward> batch_norm_fwd;
  VendorRung<BatchNormDims, BatchNormApply> batch_norm_apply;
  VendorRung<BatchNormDims, BatchNormBackward> batch_norm_bwd;
  VendorRung<BatchNormDims, BatchNormForwardOf<bf16>> batch_norm_fwd_bf16;
  VendorRung<BatchNormDims, BatchNormApplyOf<bf16>> batch_norm_apply_bf16;
  VendorRung<BatchNormDims, BatchNormBackwardOf<bf16>> batch_norm_bwd_bf16;
  VendorRung<Pool2dDims, Pool2dForward> pool2d_fwd;
  VendorRung<Pool2dDims, Pool2dBackward> pool2d_bwd;
  VendorRung<Pool2dDims, Pool2dForwardOf<bf16>> pool2d_fwd_bf16;
  VendorRung<Pool2dDims, Pool2dBackwardOf<bf16>> pool2d_bwd_bf16;
  VendorRung<Pool2dDims, Pool2dTrain> pool2d_train;
  VendorRung<Pool2dDims, Pool2dTrainOf<bf16>> pool2d_train_bf16;
  VendorRung<LstmDims, LstmLayerForward> lstm_layer_fwd;
  VendorRung<LstmDims, LstmLayerTrain> lstm_layer_train;
  VendorRung<GridSampleDims, GridSampleForward> grid_sample_fwd;
  VendorRung<GridSampleDims, GridSampleBackward> grid_sample_bwd;
  VendorRung<SoftmaxDims, SoftmaxForward> softmax_fwd;
  VendorRung<SoftmaxDims, SoftmaxBackward> softmax_bwd;
  const char* versions;  ///< "cuDNN 9.19.0, cuBLAS 13.1.0"
};

/// Kernels of the program's that the module calls.
struct VendorCasts {
  CastNarrow* narrow;
  CastWiden* widen;
};

/// The module's; null where vendor_missing() says why.
const VendorKernels* vendor_kernels();

/// What these rungs lack here: a CUDA build, a GPU, the module, or a library of it; null where they can run.
const char* vendor_missing();

/// A rung as the registry lists it: opens the module when it is first asked.
template <auto member>
struct FromVendor;
template <class Dims, class... Args, VendorRung<Dims, void(Args...)> VendorKernels::*member>
struct FromVendor<member> {
  static void run(Args... args) { (vendor_kernels()->*member).run(args...); }
  static bool supports(const Dims& d) {
    const VendorKernels* const kernels = vendor_kernels();
    return kernels && (kernels->*member).supports(d);
  }
};

}  // namespace limbic

/// The module's only symbol. `size` is what the program takes for sizeof(VendorKernels): null where they differ.
extern "C" const limbic::VendorKernels* limbic_vendor_kernels(size_t size, const limbic::GpuRuntime* runtime,
                                                              const limbic::VendorCasts& casts);
