// SPDX-License-Identifier: Apache-2.0
#include "tools/training/step.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/gradient_sum.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/rung.h"

namespace limbic {

std::string layer_of(const NamedTensor& parameter) { return parameter.name.substr(0, parameter.name.rfind('.')); }

TrainingStep::TrainingStep(const Recipe& recipe, Classifier& model, const std::vector<NamedTensor>& trained,
                           Optimizer& optimizer, Tensor class_weights, bool in_graph,
                           std::function<void(const std::string&)> note)
    : recipe_(recipe),
      model_(model),
      trained_(trained),
      optimizer_(optimizer),
      class_weights_(std::move(class_weights)),
      note_(std::move(note)),
      // the host looks at a gradient's norm, at a sequence's length, and at the clock of a traced launch
      in_graph_(in_graph && compute_device() != Device::cpu && !tracing() && recipe.train.clip_norm == 0 &&
                recipe.input.embedder.empty()) {}

Tensor TrainingStep::loss(const Tensor& logits, const Tensor& targets) {
  Tensor total = cross_entropy(logits, targets, {.class_weight = class_weights_});
  for (const auto& p : trained_) {
    if (std::find(recipe_.l2.layers.begin(), recipe_.l2.layers.end(), layer_of(p)) == recipe_.l2.layers.end()) continue;
    const double lambda = p.name.ends_with(".bias") ? recipe_.l2.bias : recipe_.l2.kernel;
    if (lambda > 0) total = total + l2(*p.tensor) * static_cast<float>(lambda);
  }
  return total;
}

void TrainingStep::set_random(int64_t count, int64_t micro_batch) const {
  const int64_t size = recipe_.train.micro_batch ? recipe_.train.micro_batch : recipe_.train.batch;
  const int64_t each = (recipe_.train.batch + size - 1) / size;  // micro-batches of a full batch
  set_random_step(static_cast<uint64_t>(recipe_.seed), static_cast<uint64_t>(count * each + micro_batch) + 1);
}

std::vector<TrainingStep::MicroBatch> TrainingStep::compute(const Tensor& maps, const Tensor& targets,
                                                            const std::vector<int32_t>& frames) {
  const int64_t N = maps.dim(0), size = recipe_.train.micro_batch ? recipe_.train.micro_batch : recipe_.train.batch;
  std::vector<MicroBatch> done;
  optimizer_.zero_grad();
  GradientSum gradients(trained_, (N + size - 1) / size);
  for (int64_t first = 0; first < N; first += size) {
    const int64_t last = std::min(N, first + size);
    const auto share = static_cast<float>(last - first) / static_cast<float>(N);
    set_random(count_, first / size);
    if (!recipe_.input.embedder.empty()) {
      Tensor lengths = Tensor::zeros({last - first}, DType::i32);
      std::copy(frames.begin() + first, frames.begin() + last, lengths.ints());
      model_.net().lengths = lengths;
    }
    const Tensor logits = model_.logits(slice(maps, 0, first, last));  // [last-first,C]
    const Tensor value = loss(logits, slice(targets, 0, first, last)) * share;
    backward(value);
    gradients.take(first / size);
    done.push_back({value.detach(), logits.detach()});
  }
  model_.net().lengths = {};
  gradients.give();
  if (recipe_.train.clip_norm > 0) clip_grad_norm(trained_, static_cast<float>(recipe_.train.clip_norm));
  optimizer_.step();
  return done;
}

void TrainingStep::record(const Batch& batch, int64_t count) {
  maps_ = Tensor::empty(batch.maps.shape());
  targets_ = Tensor::empty(batch.targets.shape());
  set_random(count, 0);
  try {
    graph_.emplace([&] { recorded_ = compute(maps_, targets_, batch.frames); });
    note_("steps on " + shape_text(maps_.shape()) + " are one CUDA graph from now on");
  } catch (const std::exception& error) {  // what the net does on the host cannot be recorded; nothing was computed
    in_graph_ = false;
    recorded_.clear();
    optimizer_.zero_grad();
    note_(std::string("steps are launched kernel by kernel: ") + error.what());
  }
}

TrainingStep::Outcome TrainingStep::run(const Batch& batch, int64_t count) {
  count_ = count;
  const Shape& shape = batch.maps.shape();
  if (in_graph_ && !graph_ && shape == last_shape_) record(batch, count);
  std::vector<MicroBatch> done;
  if (graph_ && shape == maps_.shape()) {
    maps_.copy_from(batch.maps);
    targets_.copy_from(batch.targets);
    set_random(count, 0);
    graph_->replay();
    done = recorded_;
  } else {
    done = compute(batch.maps, batch.targets, batch.frames);
  }
  last_shape_ = shape;

  Outcome outcome;
  auto label = batch.labels.begin();
  for (const MicroBatch& part : done) {
    outcome.loss += part.loss.item();
    for (const int32_t said : argmax(part.logits)) outcome.correct += said == *label++;
  }
  return outcome;
}

}  // namespace limbic
