// SPDX-License-Identifier: Apache-2.0
// cuDNN's average pooling. Its maximum gives no indices, which our forward pass must write and our backward pass reads,
// so that those shapes are declined.
#include "kernels/pool2d/pool2d.h"

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

bool supports(const Pool2dDims& d) { return d.kind == PoolKind::avg && d.N > 0 && d.C > 0 && d.P() > 0 && d.Q() > 0; }

class Window {
 public:
  explicit Window(const Pool2dDims& d) {
    check("cudnnCreatePoolingDescriptor", cudnnCreatePoolingDescriptor(&raw_));
    check("cudnnSetPooling2dDescriptor",
          cudnnSetPooling2dDescriptor(raw_,
                                      d.count_include_pad ? CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
                                                          : CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING,
                                      CUDNN_PROPAGATE_NAN, d.R, d.S, d.pad_h, d.pad_w, d.stride_h, d.stride_w));
  }
  ~Window() { cudnnDestroyPoolingDescriptor(raw_); }
  Window(const Window&) = delete;
  operator cudnnPoolingDescriptor_t() const { return raw_; }

 private:
  cudnnPoolingDescriptor_t raw_ = nullptr;
};

template <class T>
void forward(const Pool2dDims& d, const T* x, T* y, int32_t*, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Window window(d);
  const MapOf<T> of_x({d.N, d.C, d.H, d.W}), of_y({d.N, d.C, d.P(), d.Q()});
  check("cudnnPoolingForward", cudnnPoolingForward(cudnn(stream), window, &one, of_x, x, &zero, of_y, y));
}

template <class T>
void backward(const Pool2dDims& d, const T* dy, const int32_t*, T* dx, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Window window(d);
  const MapOf<T> of_x({d.N, d.C, d.H, d.W}), of_y({d.N, d.C, d.P(), d.Q()});
  // an average's gradient reads neither x nor y; they have to be somewhere
  check("cudnnPoolingBackward",
        cudnnPoolingBackward(cudnn(stream), window, &one, of_y, dy, of_y, dy, of_x, dx, &zero, of_x, dx));
}

}  // namespace

void add_pool2d(VendorKernels& k) {
  k.pool2d_fwd = {forward<float>, supports};
  k.pool2d_bwd = {backward<float>, supports};
  k.pool2d_fwd_bf16 = {forward<bf16>, supports};
  k.pool2d_bwd_bf16 = {backward<bf16>, supports};
}

}  // namespace limbic::vendor
