// SPDX-License-Identifier: Apache-2.0
// cuDNN's softmax, in its accurate form (the largest is subtracted) and as log-softmax.
#include "kernels/softmax/softmax.h"

#include <limits>

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

bool supports(const SoftmaxDims& d) { return d.rows > 0 && d.C > 0 && d.rows <= std::numeric_limits<int>::max() / d.C; }

cudnnSoftmaxAlgorithm_t algorithm(const SoftmaxDims& d) { return d.log ? CUDNN_SOFTMAX_LOG : CUDNN_SOFTMAX_ACCURATE; }

void forward(const SoftmaxDims& d, const float* x, float* y, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const TensorDescriptor rows({static_cast<int>(d.rows), d.C, 1, 1});
  check("cudnnSoftmaxForward",
        cudnnSoftmaxForward(cudnn(stream), algorithm(d), CUDNN_SOFTMAX_MODE_INSTANCE, &one, rows, x, &zero, rows, y));
}

void backward(const SoftmaxDims& d, const float* y, const float* dy, float* dx, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const TensorDescriptor rows({static_cast<int>(d.rows), d.C, 1, 1});
  check("cudnnSoftmaxBackward", cudnnSoftmaxBackward(cudnn(stream), algorithm(d), CUDNN_SOFTMAX_MODE_INSTANCE, &one,
                                                     rows, y, rows, dy, &zero, rows, dx));
}

}  // namespace

void add_softmax(VendorKernels& k) {
  k.softmax_fwd = {forward, supports};
  k.softmax_bwd = {backward, supports};
}

}  // namespace limbic::vendor
