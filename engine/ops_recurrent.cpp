// SPDX-License-Identifier: Apache-2.0
// Sequences of different lengths: the long short-term memory, and softmax over what is no padding.
#include <cmath>
#include <utility>

#include "engine/dispatch.h"
#include "engine/ops.h"
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

}  // namespace

Tensor lstm(const Tensor& x, const Tensor& w_ih, const Tensor& w_hh, const Tensor& bias, const LstmOptions& o) {
  if (x.rank() != 3) refuse("lstm: x ", x.shape(), ", expected [N,T,F]");
  if (w_hh.rank() != 2 || w_hh.dim(0) != 4 * w_hh.dim(1)) refuse("lstm: w_hh ", w_hh.shape(), ", expected [4D,D]");
  const int64_t D = w_hh.dim(1);
  if (w_ih.shape() != Shape{4 * D, x.dim(2)}) {
    refuse("lstm: w_ih ", w_ih.shape(), " for x ", x.shape(), ", expected [", 4 * D, ",", x.dim(2), "]");
  }
  check_lengths("lstm", o.lengths, x, 0);
  const LstmDims d{extent("lstm", x.dim(0)), extent("lstm", x.dim(1)), extent("lstm", D), o.reverse};
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

}  // namespace limbic
