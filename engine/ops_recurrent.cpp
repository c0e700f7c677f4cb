// SPDX-License-Identifier: Apache-2.0
// Sequences of different lengths: the long short-term memory, softmax over what is no padding, and attention.
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/attention/attention.h"
#include "kernels/lstm/lstm.h"

namespace limbic {
namespace {

void check_lengths(const char* name, const Tensor& lengths, const Tensor& x, int least) {
  if (!lengths) return;
  const int64_t N = x.dim(0), T = x.dim(1);
  if (lengths.dtype() != DType::i32 || lengths.shape() != Shape{N}) {
    refuse(name, ": lengths ", lengths.shape(), " for x ", x.shape(), ", expected i32 [", N, "]");
  }
  for (int64_t n = 0; n < N; ++n) {
    const int32_t length = lengths.ints()[n];
    if (length < least || length > T) {
      refuse(name, ": length ", length, " of sequence ", n, ", expected ", least, " to ", T);
    }
  }
}

/// Is the layer to be one launch? Only where a rung of the whole layer is asked for by name: its backward goes forward
/// again, which a race of nets (`--kernels vendor`) would charge to cuDNN.
bool as_whole_layer(bool with_lengths) {
  const char* const forced = forced_kernel("lstm");
  if (!forced) return false;
  const auto named = [&](const auto& rungs) {
    return std::any_of(rungs.begin(), rungs.end(), [&](const auto& rung) { return same_name(rung.name, forced); });
  };
  const bool whole = named(lstm_layer_fwd_rungs()) && !named(lstm_fwd_rungs());
  if (whole && with_lengths) refuse("lstm: kernel ", forced, " takes no lengths: all sequences are of T steps");
  return whole;
}

/// Goes forward again before it goes back: what cuDNN keeps for that is its own.
Tensor whole_layer(const LstmDims& d, const Tensor& x, const Tensor& weights) {
  Tensor y = Tensor::empty({d.N, d.T, d.D});
  launch(lstm_layer_fwd_rungs(), {"lstm", "layer_fwd"}, x.device(), d, x.kernel_data(), weights.kernel_data(),
         y.kernel_data());

  return record("lstm", y, {x, weights},
                [d, gx = GradOf(x), gw = GradOf(weights), x = x.detach(), w = weights.detach()](const Tensor& dy) {
                  Tensor again = Tensor::empty(dy.shape()), dx = Tensor::empty(x.shape()),
                         dw = Tensor::empty(w.shape());
                  launch(lstm_layer_train_rungs(), {"lstm", "layer_train"}, dy.device(), d, x.kernel_data(),
                         w.kernel_data(), dy.kernel_data(), again.kernel_data(), dx.kernel_data(), dw.kernel_data());
                  gx.add(std::move(dx));
                  gw.add(std::move(dw));
                });
}

}  // namespace

Tensor lstm(const Tensor& x, const Tensor& w_ih, const Tensor& w_hh, const Tensor& bias, const LstmOptions& o) {
  if (x.rank() != 3) refuse("lstm: x ", x.shape(), ", expected [N,T,F]");
  if (w_hh.rank() != 2 || w_hh.dim(0) != 4 * w_hh.dim(1)) refuse("lstm: w_hh ", w_hh.shape(), ", expected [4D,D]");
  const int64_t D = w_hh.dim(1);
  if (w_ih.shape() != Shape{4 * D, x.dim(2)}) {
    refuse("lstm: w_ih ", w_ih.shape(), " for x ", x.shape(), ", expected [", 4 * D, ",", x.dim(2), "]");
  }
  check_lengths("lstm", o.lengths, x, 0);
  LstmDims d{extent("lstm", x.dim(0)), extent("lstm", x.dim(1)), extent("lstm", D), o.reverse,
             extent("lstm", x.dim(2))};
  if (as_whole_layer(bool(o.lengths))) {
    const Tensor none = Tensor::zeros({4 * D});
    return whole_layer(d, in_f32(x), concat({reshape(w_ih, {-1}), reshape(w_hh, {-1}), bias ? bias : none, none}, 0));
  }
  d.F = 0;                               // the recurrence sees gates
  Tensor gates = linear(x, w_ih, bias);  // [N,T,4D]
  Tensor y = Tensor::empty({d.N, d.T, D}), cell = Tensor::empty({d.N, d.T, D});
  Tensor activations = gates.detach();  // in place: nobody reads the gates' inputs again
  const Tensor lengths = o.lengths;
  launch(lstm_fwd_rungs(), {"lstm", "fwd"}, x.device(), d, std::as_const(gates).kernel_data(), w_hh.kernel_data(),
         lengths ? lengths.kernel_ints() : nullptr, y.kernel_data(), activations.kernel_data(), cell.kernel_data());

  return record("lstm", y, {gates, w_hh},
                [d, gg = GradOf(gates), gw = GradOf(w_hh), lengths, activations, cell, y,
                 w_hh = w_hh.detach()](const Tensor& dy) {
                  Tensor dgates = Tensor::empty(activations.shape()), dw = Tensor::empty(w_hh.shape());
                  launch(lstm_bwd_rungs(), {"lstm", "bwd"}, dy.device(), d, w_hh.kernel_data(),
                         lengths ? lengths.kernel_ints() : nullptr, activations.kernel_data(), cell.kernel_data(),
                         y.kernel_data(), dy.kernel_data(), dgates.kernel_data(), dw.kernel_data());
                  gg.add(std::move(dgates));
                  gw.add(std::move(dw));
                });
}

Tensor masked_softmax(const Tensor& x, const Tensor& lengths) {
  if (x.rank() != 2) refuse("masked_softmax: x ", x.shape(), ", expected [N,T]");
  if (!lengths) return softmax(x);
  check_lengths("masked_softmax", lengths, x, 1);
  Tensor behind = Tensor::zeros(x.shape());  // what is added to a step: e to this power is 0
  for (int64_t n = 0; n < x.dim(0); ++n) {
    for (int64_t t = lengths.ints()[n]; t < x.dim(1); ++t) behind.data()[n * x.dim(1) + t] = -INFINITY;
  }
  return softmax(x + behind);
}

Tensor additive_attention(const Tensor& energies, const Tensor& weight, const Tensor& bias, const Tensor& features,
                          const AttentionOptions& o) {
  const Tensor u = in_f32(energies), h = in_f32(features);
  if (h.rank() != 3) refuse("additive_attention: h ", h.shape(), ", expected [N,T,E]");
  const int64_t N = h.dim(0), T = h.dim(1), E = h.dim(2);
  if (u.rank() != 3 || u.dim(0) != N || u.dim(1) != T) {
    refuse("additive_attention: u ", u.shape(), " for h ", h.shape(), ", expected [", N, ",", T, ",A]");
  }
  const int64_t A = u.dim(2);
  if (weight.shape() != Shape{1, A}) {
    refuse("additive_attention: weight ", weight.shape(), " for u ", u.shape(), ", expected [1,", A, "]");
  }
  if (bias.shape() != Shape{1}) refuse("additive_attention: bias ", bias.shape(), ", expected [1]");
  if (!(o.dropout >= 0 && o.dropout <= 1)) refuse("additive_attention: dropout ", o.dropout, ", expected 0 to 1");
  check_lengths("additive_attention", o.lengths, h, 1);
  if (h.device() == Device::cpu) {
    const Tensor scores = reshape(dropout(tanh(linear(u, weight, bias)), o.dropout, true), {N, T});  // [N,T]
    const Tensor weights = reshape(masked_softmax(scores, o.lengths), {N, 1, T});                    // [N,1,T]
    return reshape(matmul(weights, h), {N, E});
  }
  AttentionDims d{extent("additive_attention", N), extent("additive_attention", T), extent("additive_attention", A),
                  extent("additive_attention", E)};
  if (o.dropout > 0) {
    d.p = o.dropout, d.seed = random_state().seed, d.stream = next_random_stream();
    d.stream_of_step = random_stream_of_step();
  }
  const Tensor lengths = o.lengths;
  Tensor scores = Tensor::empty({N, T}), weights = Tensor::empty({N, T}), y = Tensor::empty({N, E});
  launch(attention_fwd_rungs(), {"attention", "fwd"}, h.device(), d, u.kernel_data(), weight.kernel_data(),
         bias.kernel_data(), h.kernel_data(), lengths ? lengths.kernel_ints() : nullptr, scores.kernel_data(),
         weights.kernel_data(), y.kernel_data());

  return record("attention", y, {u, weight, bias, h},
                [d, gu = GradOf(u), gw = GradOf(weight), gb = GradOf(bias), gh = GradOf(h), u = u.detach(),
                 w = weight.detach(), h = h.detach(), lengths, scores, weights](const Tensor& dy) {
                  Tensor du = Tensor::empty(u.shape()), dw = Tensor::empty(w.shape()), db = Tensor::empty({1});
                  Tensor dh = Tensor::empty(h.shape());
                  launch(attention_bwd_rungs(), {"attention", "bwd"}, dy.device(), d, u.kernel_data(), w.kernel_data(),
                         h.kernel_data(), lengths ? lengths.kernel_ints() : nullptr, scores.kernel_data(),
                         weights.kernel_data(), dy.kernel_data(), du.kernel_data(), dw.kernel_data(), db.kernel_data(),
                         dh.kernel_data());
                  gu.add(std::move(du));
                  gw.add(std::move(dw));
                  gb.add(std::move(db));
                  gh.add(std::move(dh));
                });
}

}  // namespace limbic
