// SPDX-License-Identifier: Apache-2.0
// What a convolution behind a batch norm is tested on.
#pragma once
#include "tests/gpu/conv2d_dims.h"
#include "tests/gpu/device.h"

namespace limbic::emu {  // batch_norm_device.h
void batch_norm_merge_sets(const BatchNormDims&, int64_t size, float* parts, float* mean, float* var, Stream);
void batch_norm_add_sets(const BatchNormDims&, int64_t size, float* parts, float* dweight, float* dbias, Stream);
size_t batch_norm_sets_scratch(const BatchNormDims&, int64_t size);
}  // namespace limbic::emu

namespace limbic::test::batch_norm_conv2d {

inline constexpr float eps = 0.25f;

/// x, w, dy; mean, var, weight, bias. Whole numbers with var + eps = 1 make all products and sums exact, in bf16 too.
inline auto inputs(bool whole) {
  return [=](const Conv2dDims& d) -> Tensors<float> {
    const auto fill = [&](size_t n, uint64_t key) {
      return whole ? whole_numbers(int64_t(n), key) : uniform(int64_t(n), key);
    };
    return {fill(x_size(d), 1),
            fill(w_size(d), 2),
            fill(y_size(d), 3),
            fill(size_t(d.C), 4),
            whole ? std::vector<float>(size_t(d.C), 1 - eps) : uniform(d.C, 5, 0, 0.1f, 2),
            fill(size_t(d.C), 6),
            fill(size_t(d.C), 7)};
  };
}

/// The rung of this name, where it runs here; else null (LIMBIC_TEST_FILE).
inline const auto* rung_named(const auto& rungs, const char* name, const auto& dims) {
  for (const auto& rung : rungs)
    if (same_name(rung.name, name) && runs_here(rung, dims)) return &rung;
  return static_cast<decltype(&rungs[0])>(nullptr);
}

}  // namespace limbic::test::batch_norm_conv2d
