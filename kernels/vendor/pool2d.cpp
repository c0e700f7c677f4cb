// SPDX-License-Identifier: Apache-2.0
// cuDNN's pooling. Its maximum gives no indices: forward it serves where none are wanted. Backward it looks for the
// maximum again, in x and y, which our `bwd`, that is told where it was, does not have: so a maximum's gradient is
// raced on `train`, forward and backward in one call. Of equal maxima our first wins, and cuDNN may take another: there
// its dx may differ. Its mode is CUDNN_POOLING_MAX, beside which there is one that is called deterministic.
#include "kernels/vendor/pool2d.h"

#include "kernels/vendor/rungs.h"

namespace limbic::vendor {
namespace {

bool not_empty(const Pool2dDims& d) { return d.N > 0 && d.C > 0 && d.P() > 0 && d.Q() > 0; }
bool supports_forward(const Pool2dDims& d) { return not_empty(d) && (d.kind == PoolKind::avg || !d.indices); }
bool supports_backward(const Pool2dDims& d) { return not_empty(d) && d.kind == PoolKind::avg; }

cudnnPoolingMode_t mode(const Pool2dDims& d) {
  if (d.kind == PoolKind::max) return CUDNN_POOLING_MAX;
  return d.count_include_pad ? CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
                             : CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING;
}

template <class T>
void run_forward(const PoolDescriptors<T>& is, const T* x, T* y, Stream stream) {
  check("cudnnPoolingForward", cudnnPoolingForward(cudnn(stream), is.window, &one, is.x, x, &zero, is.y, y));
}

template <class T>
void run_backward(const PoolDescriptors<T>& is, const T* x, const T* y, const T* dy, T* dx, Stream stream) {
  check("cudnnPoolingBackward",
        cudnnPoolingBackward(cudnn(stream), is.window, &one, is.y, y, is.y, dy, is.x, x, &zero, is.x, dx));
}

template <class T>
void forward(const Pool2dDims& d, const T* x, T* y, int32_t*, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  run_forward<T>(PoolDescriptors<T>(d), x, y, stream);
}

template <class T>
void backward(const Pool2dDims& d, const T* dy, const int32_t*, T* dx, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  // an average's gradient reads neither x nor y; they have to be somewhere
  run_backward<T>(PoolDescriptors<T>(d), dx, dy, dy, dx, stream);
}

template <class T>
void train(const Pool2dDims& d, const T* x, const T* dy, T* y, T* dx, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const PoolDescriptors<T> is(d);
  run_forward<T>(is, x, y, stream);
  run_backward<T>(is, x, y, dy, dx, stream);
}

}  // namespace

PoolingDescriptor::PoolingDescriptor(const Pool2dDims& d) {
  check("cudnnCreatePoolingDescriptor", cudnnCreatePoolingDescriptor(&raw_));
  check("cudnnSetPooling2dDescriptor", cudnnSetPooling2dDescriptor(raw_, mode(d), CUDNN_PROPAGATE_NAN, d.R, d.S,
                                                                   d.pad_h, d.pad_w, d.stride_h, d.stride_w));
}

void add_pool2d(VendorKernels& k) {
  k.pool2d_fwd = {forward<float>, supports_forward};
  k.pool2d_bwd = {backward<float>, supports_backward};
  k.pool2d_train = {train<float>, not_empty};
  k.pool2d_fwd_bf16 = {forward<bf16>, supports_forward};
  k.pool2d_bwd_bf16 = {backward<bf16>, supports_backward};
  k.pool2d_train_bf16 = {train<bf16>, not_empty};
}

}  // namespace limbic::vendor
