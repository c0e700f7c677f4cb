// SPDX-License-Identifier: Apache-2.0
#include "kernels/vendor/conv2d.h"

namespace limbic::vendor {
namespace {

/// [a,b,c,d] of a tensor that lies as [a,c,d,b].
std::array<int64_t, 4> channels_last(const std::array<int64_t, 4>& d) {
  return {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
}

}  // namespace

Descriptor conv2d_graph(ConvPass pass, ConvStorage storage, const Conv2dDims& d, int alignment, const Target& target) {
  const std::array<int64_t, 4> x_dims = {d.N, d.C, d.H, d.W}, w_dims = {d.K, d.C / d.groups, d.R, d.S};
  const std::array<int64_t, 4> y_dims = {d.N, d.K, d.P(), d.Q()};
  const cudnnDataType_t type = storage == ConvStorage::f32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
  const bool converted = storage == ConvStorage::bf16_but_dw;
  const Descriptor x = tensor(conv2d_ids[0], type, x_dims, channels_last(x_dims), alignment);
  const Descriptor y = tensor(conv2d_ids[2], type, y_dims, channels_last(y_dims), alignment);
  const Descriptor w = tensor(converted ? 's' : conv2d_ids[1], converted ? CUDNN_DATA_FLOAT : type, w_dims,
                              channels_last(w_dims), alignment, converted);

  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::array<int64_t, 2> pads = {d.pad_h, d.pad_w};
  Descriptor conv(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  conv.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, pads)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, pads)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array<int64_t, 2>{d.stride_h, d.stride_w})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array<int64_t, 2>{d.dilation_h, d.dilation_w})
      .finalize();

  const auto operation = [&](cudnnBackendDescriptorType_t kind, cudnnBackendAttributeName_t of_x,
                             cudnnBackendAttributeName_t of_w, cudnnBackendAttributeName_t of_y,
                             cudnnBackendAttributeName_t of_conv, cudnnBackendAttributeName_t alpha,
                             cudnnBackendAttributeName_t beta) {
    Descriptor made(kind);
    made.set(of_x, x).set(of_w, w).set(of_y, y).set(of_conv, conv).set(alpha, 1.0f).set(beta, 0.0f).finalize();
    if (!converted) return graph_of({&made}, target);
    const Descriptor dw = tensor(conv2d_ids[1], CUDNN_DATA_FLOAT, w_dims, channels_last(w_dims), alignment);
    const Descriptor sums_to_dw = conversion(w, dw);
    return graph_of({&made, &sums_to_dw}, target);
  };
  switch (pass) {
    case ConvPass::fwd:
      return operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
    case ConvPass::dx:
      return operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
    default:
      return operation(
          CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
  }
}

}  // namespace limbic::vendor
