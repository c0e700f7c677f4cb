// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::batch_norm_pool;

TEST_CASE("batch_norm_pool: every rung agrees with f64") {
  check_rungs({"batch_norm_pool", "fwd"}, batch_norm_pool_problems, batch_norm_pool_fwd_rungs(),
              batch_norm_pool_fwd_v0_reference<double>, {1e-5, 2e-5}, inputs, forward);
  check_rungs({"batch_norm_pool", "apply"}, batch_norm_pool_problems, batch_norm_pool_apply_rungs(),
              batch_norm_pool_apply_v0_reference<double>, {1e-5, 2e-5}, inputs, apply);
  for (const bool train : {false, true}) {
    check_rungs({"batch_norm_pool", "bwd"}, batch_norm_pool_problems, batch_norm_pool_bwd_rungs(),
                batch_norm_pool_bwd_v0_reference<double>, {1e-5, 5e-6}, inputs, backward(train));
  }
}

TEST_CASE("batch_norm_pool: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : batch_norm_pool_problems) {
    auto in = widened(inputs(d));
    if (in[0].size() > 20000) continue;
    const auto statistics = forward(d, batch_norm_pool_fwd_v0_reference<double>, in, none);
    in[4] = statistics[1], in[5] = statistics[2];
    for (const bool train : {false, true}) {
      const auto grads = backward(train)(d, batch_norm_pool_bwd_v0_reference<double>, in, none);
      for (const size_t i : {0, 1, 2}) {
        check_gradient({"batch_norm_pool", "bwd"}, name, in, i, in[3], grads[i], [&](const Tensors<double>& moved) {
          return train ? forward(d, batch_norm_pool_fwd_v0_reference<double>, moved, none)[0]
                       : apply(d, batch_norm_pool_apply_v0_reference<double>, moved, none)[0];
        });
      }
    }
  }
}
