// SPDX-License-Identifier: Apache-2.0
// A pool as cuDNN describes it.
#pragma once
#include "kernels/pool2d/pool2d.h"
#include "kernels/vendor/library.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {

/// Throws where cuDNN refuses. Needs no device.
class PoolingDescriptor {
 public:
  explicit PoolingDescriptor(const Pool2dDims&);
  ~PoolingDescriptor() { cudnnDestroyPoolingDescriptor(raw_); }
  PoolingDescriptor(const PoolingDescriptor&) = delete;
  operator cudnnPoolingDescriptor_t() const { return raw_; }

 private:
  cudnnPoolingDescriptor_t raw_ = nullptr;
};

/// What a call is told of a pool whose maps are stored as T; not of an empty one.
template <class T>
struct PoolDescriptors {
  explicit PoolDescriptors(const Pool2dDims& d) : window(d), x({d.N, d.C, d.H, d.W}), y({d.N, d.C, d.P(), d.Q()}) {}

  PoolingDescriptor window;
  MapOf<T> x, y;
};

}  // namespace limbic::vendor
