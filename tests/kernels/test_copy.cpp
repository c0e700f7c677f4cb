// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/copy/copy_v0_reference.h"
#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// Elements that a side must have for the farthest one it touches.
int64_t extent(const CopyDims& d, const int64_t* stride, int64_t offset) {
  int64_t last = offset;
  for (int i = 0; i < d.rank; ++i) last += std::max<int64_t>(0, (d.shape[i] - 1) * stride[i]);
  return last + 1;
}

const auto copy = []<class T>(const CopyDims& d, auto* run, const Tensors<T>& in, T*) {
  Tensors<T> out{in[1]};
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

/// src, and what dst holds before; what is not copied to must stay.
Tensors<float> inputs(const CopyDims& d) {
  return {uniform(extent(d, d.src_stride, d.src_offset), seed, 0),
          uniform(extent(d, d.dst_stride, d.dst_offset) + 5, seed, 1)};
}

}  // namespace

TEST_CASE("copy: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"copy", "fwd"}, copy_problems, copy_fwd_rungs(), copy_fwd_v0_reference<double>, {1e-6, 0}, inputs, copy);
}

TEST_CASE("copy: adding back is the gradient of copying") {
  for (const auto& [name, d] : copy_problems) {
    const auto in = widened(inputs(d));
    const std::vector<double> dy(in[1].size(), 0.5);
    CopyDims back = d;
    std::swap(back.src_stride, back.dst_stride);
    std::swap(back.src_offset, back.dst_offset);
    back.accumulate = true;
    std::vector<double> dx(in[0].size());
    copy_fwd_v0_reference<double>(back, dy.data(), dx.data(), {});
    check_gradient({"copy", "fwd"}, name, in, 0, dy, dx, [&](const Tensors<double>& moved) {
      return copy(d, copy_fwd_v0_reference<double>, moved, static_cast<double*>(nullptr))[0];
    });
  }
}
