// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/mlp.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/layers.h"
#include "engine/optim.h"
#include "engine/random.h"

namespace limbic {
namespace {

// Glorot's bounds for weights and biases alike, as MLPClassifier starts.
void initialise(Linear& layer) {
  const float bound = std::sqrt(6.0f / static_cast<float>(fan_in(layer.weight) + fan_out(layer.weight)));
  uniform(layer.weight, -bound, bound);
  uniform(layer.bias, -bound, bound);
}

Tensor rows_of(const Matrix& x, const std::vector<int64_t>& which, size_t begin, size_t end) {
  Tensor batch = Tensor::empty({static_cast<int64_t>(end - begin), x.columns});
  float* to = batch.data();
  for (size_t i = begin; i < end; ++i)
    to = std::transform(x.row(which[i]), x.row(which[i]) + x.columns, to,
                        [](double v) { return static_cast<float>(v); });
  return batch;
}

}  // namespace

MlpAnswer mlp_probabilities(const Matrix& x, const std::vector<int>& labels, int classes, const MlpOptions& options,
                            const Matrix& test) {
  set_random_step(options.seed, 0);
  Sequential net;
  std::vector<Linear*> layers;
  auto width = static_cast<int>(x.columns);
  for (const int hidden : options.hidden) {
    layers.push_back(&net.add<Linear>(width, hidden));
    net.add<Relu>();
    width = hidden;
  }
  layers.push_back(&net.add<Linear>(width, classes));
  for (Linear* layer : layers) initialise(*layer);
  Adam adam(net.parameters(), {.lr = options.lr});

  MlpAnswer answer;
  double best = std::numeric_limits<double>::infinity();
  int without_gain = 0;
  std::vector<int64_t> order(static_cast<size_t>(x.rows));
  std::iota(order.begin(), order.end(), 0);
  const auto step = static_cast<size_t>(std::min(options.batch, x.rows));
  while (answer.epochs < options.epochs && without_gain <= options.patience) {
    Random(options.seed, static_cast<uint64_t>(answer.epochs)).shuffle(order);
    double sum = 0;
    for (size_t begin = 0; begin < order.size(); begin += step) {
      const size_t end = std::min(begin + step, order.size());
      std::vector<int32_t> target;
      for (size_t i = begin; i < end; ++i) target.push_back(labels[static_cast<size_t>(order[i])]);
      const auto n = static_cast<int64_t>(end - begin);
      Tensor loss = cross_entropy(net(rows_of(x, order, begin, end)), Tensor::of_ints({n}, target));
      for (Linear* layer : layers)
        loss = loss + l2(layer->weight) * static_cast<float>(options.alpha / 2 / static_cast<double>(n));
      adam.zero_grad();
      backward(loss);
      adam.step();
      sum += static_cast<double>(loss.item()) * static_cast<double>(n);
    }
    answer.loss = sum / static_cast<double>(x.rows);
    without_gain = answer.loss > best - options.tolerance ? without_gain + 1 : 0;
    best = std::min(best, answer.loss);
    ++answer.epochs;
  }

  const NoGrad no_grad;
  std::vector<int64_t> all(static_cast<size_t>(test.rows));
  std::iota(all.begin(), all.end(), 0);
  const Tensor p = softmax(net(rows_of(test, all, 0, all.size())));  // [N,C]
  answer.p = Matrix(test.rows, classes);
  std::copy(p.data(), p.data() + p.size(), answer.p.values.begin());
  return answer;
}

}  // namespace limbic
