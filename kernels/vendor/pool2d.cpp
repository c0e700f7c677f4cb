// SPDX-License-Identifier: Apache-2.0
// cuDNN's pooling. Its maximum gives no indices: it serves where none are wanted, and not backward, where ours reads
// them and cuDNN's looks for the maximum again in x and y.
#include "kernels/pool2d/pool2d.h"

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

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

class Window {
 public:
  explicit Window(const Pool2dDims& d) {
    check("cudnnCreatePoolingDescriptor", cudnnCreatePoolingDescriptor(&raw_));
    check("cudnnSetPooling2dDescriptor", cudnnSetPooling2dDescriptor(raw_, mode(d), CUDNN_PROPAGATE_NAN, d.R, d.S,
                                                                     d.pad_h, d.pad_w, d.stride_h, d.stride_w));
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
  k.pool2d_fwd = {forward<float>, supports_forward};
  k.pool2d_bwd = {backward<float>, supports_backward};
  k.pool2d_fwd_bf16 = {forward<bf16>, supports_forward};
  k.pool2d_bwd_bf16 = {backward<bf16>, supports_backward};
}

}  // namespace limbic::vendor
