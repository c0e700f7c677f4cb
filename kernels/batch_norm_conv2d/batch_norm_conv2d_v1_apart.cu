// SPDX-License-Identifier: Apache-2.0
// Idea: three ops one after another: batch norm and ReLU into a map of its own, the convolution, the statistics; back
// the convolution's gradients, then the batch norm's.
// Changed from v0: every step is a kernel that stands elsewhere.
// Why faster: it is not; it says what the fused rung must give, on any GPU.
// Limited by: memory: the normalised map is written and read, y is read again for its statistics, and z's gradient for
// its sums.
// Next: v4 normalises while it loads x and sums while it stores y and dx.
#include "kernels/batch_norm/batch_norm_device.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d.h"
#include "kernels/conv2d/conv2d_gemm.h"
#include "kernels/rung_of_ops.h"

namespace limbic::LIMBIC_DEVICE {

BatchNormApply batch_norm_apply_v2_chunks;
BatchNormBackward batch_norm_bwd_v2_chunks;
Conv2dForward conv2d_fwd_v3_implicit_gemm;
Conv2dDx conv2d_dx_v3_implicit_gemm;
Conv2dDw conv2d_dw_v3_implicit_gemm;

namespace {

/// z in scratch, or x itself.
const float* normalised(const Conv2dDims& d, const float* x, const float* mean, const float* var, const float* weight,
                        const float* bias, float eps, float* z, Stream stream) {
  if (!mean) return x;
  batch_norm_apply_v2_chunks({conv_inputs(d), d.C}, x, mean, var, weight, bias, eps, true, z, nullptr, stream);
  return z;
}

size_t map_size(const Conv2dDims& d) { return room(conv_inputs(d) * d.C); }

}  // namespace

size_t batch_norm_conv2d_fwd_scratch_v1(const Conv2dDims& d) {
  return map_size(d) + batch_norm_scratch_v2({conv_outputs(d), d.K});
}
size_t batch_norm_conv2d_dx_scratch_v1(const Conv2dDims& d) { return batch_norm_scratch_v2({conv_inputs(d), d.C}); }
size_t batch_norm_conv2d_dw_scratch_v1(const Conv2dDims& d) { return map_size(d) + conv2d_dw_scratch_gemm(d); }

void batch_norm_conv2d_fwd_v1_apart(const Conv2dDims& d, const float* x, const float* mean, const float* var,
                                    const float* weight, const float* bias, float eps, const float* w, float* y,
                                    float* y_mean, float* y_var, float* scratch, Stream stream) {
  const float* const z = normalised(d, x, mean, var, weight, bias, eps, scratch, stream);
  conv2d_fwd_v3_implicit_gemm(d, z, w, nullptr, {}, y, nullptr, stream);
  batch_norm_statistics_v2({conv_outputs(d), d.K}, y, y_mean, y_var, scratch + map_size(d), stream);
}

void batch_norm_conv2d_dx_v1_apart(const Conv2dDims& d, const float* x, const float* mean, const float* var,
                                   const float* weight, const float* bias, float eps, const float* w, const float* dy,
                                   bool train, float* dx, float* dweight, float* dbias, float* scratch, Stream stream) {
  conv2d_dx_v3_implicit_gemm(d, dy, w, dx, nullptr, stream);
  batch_norm_bwd_v2_chunks({conv_inputs(d), d.C}, x, dx, mean, var, weight, bias, eps, true, train, dx, dweight, dbias,
                           scratch, stream);
}

void batch_norm_conv2d_dw_v1_apart(const Conv2dDims& d, const float* x, const float* mean, const float* var,
                                   const float* weight, const float* bias, float eps, const float* dy, float* dw,
                                   float* scratch, Stream stream) {
  const float* const z = normalised(d, x, mean, var, weight, bias, eps, scratch, stream);
  conv2d_dw_v3_implicit_gemm(d, z, dy, dw, scratch + map_size(d), stream);
}

}  // namespace limbic::LIMBIC_DEVICE
