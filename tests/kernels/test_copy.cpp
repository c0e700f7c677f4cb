// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/bf16.h"
#include "tests/kernels/cases_training.h"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("copy: every rung agrees with f64, with the same bits everywhere") {
  check_rungs({"copy", "fwd"}, copy_problems, copy_fwd_rungs(), copy_fwd_v0_reference<double>, {1e-6, 0},
              test::copy::inputs, test::copy::forward);
}

TEST_CASE("copy: every rung of numbers stored in bf16 agrees with f64, with the bits of f32 rounded") {
  check_bf16_rungs({"copy", "fwd_bf16"}, copy_problems, copy_fwd_rungs(StoredAs<bf16>{}), copy_fwd_rungs(),
                   copy_fwd_v0_reference<double>, Tolerance{1e-6, 0}, test::copy::inputs, {0, 1}, test::copy::forward,
                   {0});
}

TEST_CASE("copy: adding back is the gradient of copying") {
  for (const auto& [name, d] : copy_problems) {
    const auto in = widened(test::copy::inputs(d));
    const std::vector<double> dy(in[1].size(), 0.5);
    CopyDims back = d;
    std::swap(back.src_stride, back.dst_stride);
    std::swap(back.src_offset, back.dst_offset);
    back.accumulate = true;
    std::vector<double> dx(in[0].size());
    copy_fwd_v0_reference<double>(back, dy.data(), dx.data(), {});
    check_gradient({"copy", "fwd"}, name, in, 0, dy, dx, [&](const Tensors<double>& moved) {
      return test::copy::forward(d, copy_fwd_v0_reference<double>, moved, static_cast<double*>(nullptr))[0];
    });
  }
}
