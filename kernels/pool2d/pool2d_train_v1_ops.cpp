// SPDX-License-Identifier: Apache-2.0
// Idea: forward and backward are two launches, and where each maximum was lies between them in scratch.
// Changed from v0: it launches what the lists of `fwd` and `bwd` have first for these dims.
// Why faster: it is not; it is what the engine launches of a pool in training, as one pass, to be raced with cuDNN's.
// Limited by: memory bandwidth; of a maximum each index is 4 bytes that are written and read again.
// Next: a byte says where in its window a maximum was.
#include <algorithm>

#include "kernels/pool2d/pool2d.h"
#include "kernels/rung_of_ops.h"

namespace limbic {
namespace {

Pool2dDims with_indices(Pool2dDims d) {
  d.indices = true;
  return d;
}

template <class T>
struct Pool {
  Chosen<Pool2dDims, Pool2dForwardOf<T>> forward;
  Chosen<Pool2dDims, Pool2dBackwardOf<T>> backward;

  Pool(const Pool2dDims& d, Device on)
      : forward(pool2d_fwd_rungs(StoredAs<T>{}), {"pool2d", "fwd"}, with_indices(d), on),
        backward(pool2d_bwd_rungs(StoredAs<T>{}), {"pool2d", "bwd"}, with_indices(d), on) {}

  bool complete() const { return forward.rung && backward.rung; }
  size_t scratch() const { return complete() ? std::max(forward.scratch(), backward.scratch()) : 0; }
};

/// Floats of scratch that the indices take, of 4 bytes too.
size_t room_of_indices(const Pool2dDims& d) {
  return d.kind == PoolKind::max ? room(int64_t{d.N} * d.P() * d.Q() * d.C) : 0;
}

template <class T>
void train(Device on, const Pool2dDims& d, const T* x, const T* dy, T* y, T* dx, float* scratch, Stream stream) {
  const Pool<T> pool(d, on);
  int32_t* const argmax = d.kind == PoolKind::max ? reinterpret_cast<int32_t*>(scratch) : nullptr;
  float* const own = scratch + room_of_indices(d);
  pool.forward(x, y, argmax, own, stream);
  pool.backward(dy, argmax, dx, own, stream);
}

}  // namespace

/// Enough of either type on either device, which may choose other rungs.
size_t pool2d_train_scratch_v1_ops(const Pool2dDims& d) {
  size_t own = 0;
  for (const Device on : {Device::emu, Device::cuda})
    own = std::max({own, Pool<float>(d, on).scratch(), Pool<bf16>(d, on).scratch()});
  return room_of_indices(d) + own;
}

#define LIMBIC_POOL2D_TRAIN(device)                                                                             \
  namespace device {                                                                                            \
  bool pool2d_train_supports_v1_ops(const Pool2dDims& d) {                                                      \
    return Pool<float>(d, Device::device).complete() && Pool<bf16>(d, Device::device).complete();               \
  }                                                                                                             \
  void pool2d_train_v1_ops(const Pool2dDims& d, const float* x, const float* dy, float* y, float* dx, float* s, \
                           Stream on) {                                                                         \
    train(Device::device, d, x, dy, y, dx, s, on);                                                              \
  }                                                                                                             \
  void pool2d_train_v1_ops(const Pool2dDims& d, const bf16* x, const bf16* dy, bf16* y, bf16* dx, float* s,     \
                           Stream on) {                                                                         \
    train(Device::device, d, x, dy, y, dx, s, on);                                                              \
  }                                                                                                             \
  }
LIMBIC_POOL2D_TRAIN(emu)
LIMBIC_POOL2D_TRAIN(cuda)
#undef LIMBIC_POOL2D_TRAIN

}  // namespace limbic
