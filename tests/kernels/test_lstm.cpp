// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cases_layers.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::lstm;

TEST_CASE("lstm: every rung agrees with f64, with the same bits everywhere, for sequences of any length") {
  for (const bool with_lengths : {false, true}) {
    check_rungs({"lstm", "fwd"}, lstm_problems, lstm_fwd_rungs(), lstm_fwd_v0_reference<double>, {1e-5, 2e-6},
                inputs(with_lengths), forward);
    check_rungs({"lstm", "bwd"}, lstm_problems, lstm_bwd_rungs(), lstm_bwd_v0_reference<double>, {1e-5, 5e-6},
                inputs(with_lengths), backward);
  }
}

TEST_CASE("lstm: v0's gradients are those of its forward") {
  double* const none = nullptr;
  for (const auto& [name, d] : lstm_problems) {
    if (states(d) * d.D > 100000 || states(d) == 0) continue;
    for (const bool with_lengths : {false, true}) {
      auto in = widened(inputs(with_lengths)(d));
      const auto point = forward(d, lstm_fwd_v0_reference<double>, in, none);
      for (size_t i = 0; i < 3; ++i) in[4 + i] = point[i];
      const auto grads = backward(d, lstm_bwd_v0_reference<double>, in, none);
      const auto y = [&](const Tensors<double>& moved) {
        return forward(d, lstm_fwd_v0_reference<double>, moved, none)[0];
      };
      check_gradient({"lstm", "bwd"}, name, in, 0, in[3], grads[0], y);
      check_gradient({"lstm", "bwd"}, name, in, 1, in[3], grads[1], y);
    }
  }
}

TEST_CASE("lstm: v0's layer agrees with itself in f64, and its gradients are those of its forward") {
  check_rungs({"lstm", "layer_fwd"}, lstm_problems, lstm_layer_fwd_rungs(), lstm_layer_fwd_v0_reference<double>,
              {1e-5, 2e-6}, layer_inputs, layer_forward);
  check_rungs({"lstm", "layer_train"}, lstm_problems, lstm_layer_train_rungs(), lstm_layer_train_v0_reference<double>,
              {1e-5, 5e-6}, layer_inputs, layer_train);
  double* const none = nullptr;
  for (const auto& [name, d] : lstm_problems) {
    if (states(d) * (d.D + d.F) > 100000 || states(d) == 0) continue;
    const auto in = widened(layer_inputs(d));
    const auto grads = layer_train(d, lstm_layer_train_v0_reference<double>, in, none);
    const auto y = [&](const Tensors<double>& moved) {
      return layer_forward(d, lstm_layer_fwd_v0_reference<double>, moved, none)[0];
    };
    for (const size_t i : {0, 1}) check_gradient({"lstm", "layer_train"}, name, in, i, in[2], grads[1 + i], y);
  }
}

TEST_CASE("lstm: a sequence alone gives the bits it gives among others, padded, and in place") {
  for (const bool reverse : {false, true}) {
    const LstmDims d{9, 12, 21, reverse};
    const auto in = inputs(true)(d);
    for (const auto& rung : lstm_fwd_rungs()) {
      auto* run = rung.run[static_cast<int>(active_isa())];
      if (rung.device != Device::cpu || !run) continue;
      std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0);
      auto together = forward(d, run, in, scratch.data());
      for (int n = 0; n < d.N; ++n) {
        INFO(rung.name << " reverse " << reverse << " sequence " << n);
        const LstmDims one{1, static_cast<int>(in[2][n]), d.D, reverse};
        const auto row = [&](const std::vector<float>& t, int width) {
          const auto begin = t.begin() + n * d.T * width;
          return std::vector<float>(begin, begin + one.T * width);
        };
        const auto alone = forward(one, run, Tensors<float>{row(in[0], 4 * d.D), in[1], {}}, scratch.data());
        CHECK(other_bits(alone[0], row(together[0], d.D)) == "");
        CHECK(other_bits(alone[1], row(together[1], 4 * d.D)) == "");
      }
      std::vector<float> gates = in[0], y(together[0].size()), cell(y.size());
      const auto lengths = indices(in[2]);
      run(d, gates.data(), in[1].data(), lengths.data(), y.data(), gates.data(), cell.data(), scratch.data(), {});
      CHECK(other_bits(y, together[0]) == "");
      CHECK(other_bits(gates, together[1]) == "");
    }
  }
}
