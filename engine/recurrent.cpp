// SPDX-License-Identifier: Apache-2.0
#include "engine/recurrent.h"

#include <cmath>
#include <string>

#include "engine/dispatch.h"
#include "engine/random.h"

namespace limbic {

Lstm::Lstm(int in, int hidden, const LstmLayerOptions& o) : options(o) {
  if (in < 1 || hidden < 1 || o.layers < 1) refuse("Lstm: ", o.layers, " layers of ", hidden, " units for ", in);
  const int ways = o.bidirectional ? 2 : 1;
  const float bound = 1 / std::sqrt(static_cast<float>(hidden));
  directions_.resize(static_cast<size_t>(o.layers) * ways);  // parameters stay where they are registered
  for (size_t i = 0; i < directions_.size(); ++i) {
    const int64_t inputs = i < static_cast<size_t>(ways) ? in : ways * hidden;
    Direction& d = directions_[i];
    d = {Tensor::empty({4 * hidden, inputs}), Tensor::empty({4 * hidden, hidden}), Tensor::empty({4 * hidden}),
         Tensor::empty({4 * hidden})};
    for (Tensor* t : {&d.weight_ih, &d.weight_hh, &d.bias_ih, &d.bias_hh}) uniform(*t, -bound, bound);
    const std::string name = std::string("l").append(std::to_string(i / ways)).append(i % ways ? "_reverse" : "");
    add_parameter("weight_ih_" + name, d.weight_ih);
    add_parameter("weight_hh_" + name, d.weight_hh);
    add_parameter("bias_ih_" + name, d.bias_ih);
    add_parameter("bias_hh_" + name, d.bias_hh);
  }
}

Tensor Lstm::forward(const Tensor& x) {
  const size_t ways = options.bidirectional ? 2 : 1;
  Tensor y = x;  // [N,T,in]
  for (size_t i = 0; i < directions_.size(); i += ways) {
    if (i > 0) y = limbic::dropout(y, options.dropout, training());
    const auto walk = [&](const Direction& d, bool reverse) {
      return lstm(y, d.weight_ih, d.weight_hh, d.bias_ih + d.bias_hh, {.reverse = reverse, .lengths = lengths});
    };
    const Tensor ahead = walk(directions_[i], false);                            // [N,T,hidden]
    y = ways == 1 ? ahead : concat({ahead, walk(directions_[i + 1], true)}, 2);  // [N,T,2 hidden]
  }
  return y;
}

KerasLstm::KerasLstm(int in, int units, bool backwards)
    : kernel(Tensor::empty({4 * units, in})),
      recurrent_kernel(Tensor::empty({4 * units, units})),
      bias(Tensor::zeros({4 * units})),
      go_backwards(backwards) {
  xavier_uniform(kernel);
  orthogonal(recurrent_kernel);
  for (int j = units; j < 2 * units; ++j) bias.data()[j] = 1;
  add_parameter("kernel", kernel, Layout::keras);
  add_parameter("recurrent_kernel", recurrent_kernel, Layout::keras);
  add_parameter("bias", bias);
}

Tensor KerasLstm::forward(const Tensor& x) {
  return lstm(x, kernel, recurrent_kernel, bias, {.reverse = go_backwards, .lengths = lengths});
}

KerasBidirectionalLstm::KerasBidirectionalLstm(int in, int units)
    : forward_lstm(in, units), backward_lstm(in, units, true) {
  add_child("forward_lstm", forward_lstm);
  add_child("backward_lstm", backward_lstm);
}

Tensor KerasBidirectionalLstm::forward(const Tensor& x) {
  forward_lstm.lengths = backward_lstm.lengths = lengths;
  return concat({forward_lstm(x), backward_lstm(x)}, 2);
}

SelfAttention::SelfAttention(int features, int layers, float p) : dropout(p) {
  for (int layer = 1; layer <= layers; ++layer) {
    score_ = &attention.add<Linear>(features, layer < layers ? features : 1);
    attention.add<Function>([](const Tensor& x) { return tanh(x); });
    attention.add<Function>([this](const Tensor& x) { return limbic::dropout(x, dropout, training()); });
  }
  add_child("attention", attention);
  add_child("softmax", softmax);
}

Tensor SelfAttention::forward(const Tensor& h) {
  if (h.rank() != 3) refuse("SelfAttention: h ", h.shape(), ", expected [N,T,E]");
  const int64_t N = h.dim(0), T = h.dim(1), E = h.dim(2);
  bool apart = yardsticks_preferred() || forced_kernel("softmax") || forced_kernel("matmul");  // kernels chosen by hand
  for (const NamedModule& part : modules()) apart |= part.module != this && part.module->hooked();
  if (!apart && score_) {
    Tensor u = h;
    for (size_t i = 0; i + 3 < attention.size(); ++i) u = attention[i](u);  // [N,T,E]
    return additive_attention(u, score_->weight, score_->bias, h,
                              {.lengths = lengths, .dropout = training() ? dropout : 0});  // [N,E]
  }
  softmax.lengths = lengths;
  const Tensor scores = reshape(attention(h), {N, T});         // [N,T]
  const Tensor weights = reshape(softmax(scores), {N, 1, T});  // [N,1,T]
  return reshape(matmul(weights, h), {N, E});                  // [N,E]
}

}  // namespace limbic
