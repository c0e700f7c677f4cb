// SPDX-License-Identifier: Apache-2.0
#include "engine/gradient_sum.h"

#include <algorithm>

#include "engine/dispatch.h"
#include "engine/ops.h"
#include "engine/tape.h"

namespace limbic {

GradientSum::GradientSum(std::vector<NamedTensor> parameters, int64_t micro_batches)
    : parameters_(std::move(parameters)) {
  if (micro_batches < 1) refuse("GradientSum: ", micro_batches, " micro-batches, expected at least 1");
  missing_.assign(static_cast<size_t>(micro_batches), true);
}

void GradientSum::take(int64_t i) {
  const auto count = static_cast<int64_t>(missing_.size());
  if (i < 0 || i >= count) refuse("GradientSum: micro-batch ", i, ", expected 0 to ", count - 1);
  if (!missing_[i]) refuse("GradientSum: micro-batch ", i, " was taken before");
  missing_[i] = false;
  std::vector<Tensor> sum;  // a gradient each parameter, empty where it has none
  for (const auto& p : parameters_) {
    sum.push_back(p.tensor->grad());
    p.tensor->zero_grad();
  }
  const NoGrad no_grad;
  int level = 0;
  int64_t place = i;
  for (; int64_t{1} << level < count; ++level, place /= 2) {
    const int64_t neighbour = place ^ 1;
    if (neighbour << level >= count) continue;  // beyond the last micro-batch: the sum goes up as it is
    const auto found = sums_.find({level, neighbour});
    if (found == sums_.end()) break;  // it will come, and find this one
    for (size_t p = 0; p < sum.size(); ++p) {
      Tensor& other = found->second[p];
      sum[p] = sum[p] && other ? sum[p] + other : sum[p] ? sum[p] : other;
      other = {};
    }
    sums_.erase(found);
  }
  sums_[{level, place}] = std::move(sum);
}

void GradientSum::give() {
  const auto missing = std::find(missing_.begin(), missing_.end(), true);
  if (missing != missing_.end()) refuse("GradientSum: micro-batch ", missing - missing_.begin(), " was not taken");
  std::vector<Tensor>& sum = sums_.begin()->second;
  for (size_t p = 0; p < sum.size(); ++p) parameters_[p].tensor->set_grad(std::move(sum[p]));
}

}  // namespace limbic
