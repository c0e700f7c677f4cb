// SPDX-License-Identifier: Apache-2.0
#include "tools/training/batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/random.h"
#include "nets/augment.h"

namespace limbic {

namespace {

// Streams of one seed, kept apart by purpose.
enum class Purpose : uint64_t { order = 1, example = 2, mixup = 3 };
uint64_t stream(Purpose purpose, int64_t step, int64_t item = 0) {
  return static_cast<uint64_t>(purpose) << 56 | static_cast<uint64_t>(step) << 16 | static_cast<uint64_t>(item);
}

// A stretch of `map` [T,M], `rate` times as fast, `shift` bins up, `gain` dB louder -> out [frames,M]. What lies
// outside the clip is as quiet as its quietest bin.
void place(const Tensor& map, int64_t frames, double start, double rate, int64_t shift, float gain, float* out) {
  const int64_t T = map.dim(0), M = map.dim(1);
  const float* in = map.data();
  const float quiet = *std::min_element(in, in + map.size());
  for (int64_t t = 0; t < frames; ++t) {
    const double at = start + rate * static_cast<double>(t);
    const auto before = static_cast<int64_t>(std::floor(at));
    const auto share = static_cast<float>(at - std::floor(at));
    for (int64_t m = 0; m < M; ++m) {
      const int64_t from = std::clamp<int64_t>(m - shift, 0, M - 1);
      const auto value = [&](int64_t frame) { return frame < 0 || frame >= T ? quiet : in[frame * M + from]; };
      const float a = value(before);
      out[t * M + m] = (share == 0 ? a : a + share * (value(before + 1) - a)) + gain;
    }
  }
}

void augment_picture(const Recipe& recipe, const Tensor& picture, Random random, float* out) {
  const int64_t H = picture.dim(0), W = picture.dim(1), C = picture.dim(2);
  const Jitter& by = recipe.augment.jitter;
  if (by.move + by.turn + by.zoom > 0) {
    jitter(picture.data(), H, W, C, by, random, out);
  } else {
    std::copy(picture.data(), picture.data() + picture.size(), out);
  }
  if (random.uniform() < recipe.augment.flip) flip_horizontally(out, H, W, C);
  if (recipe.augment.cutout > 0) cutout(out, H, W, C, recipe.augment.cutout, random);
}

void augment(const Recipe& recipe, const Example& example, int64_t frames, Random random, float* out) {
  const auto& a = recipe.augment;
  const int64_t T = example.map.dim(0), M = example.map.dim(1);
  const double rate =
      a.stretch > 0 ? 1 + random.uniform(static_cast<float>(-a.stretch), static_cast<float>(a.stretch)) : 1;
  const int64_t shift = a.mel_shift > 0 ? random.below(2 * a.mel_shift + 1) - a.mel_shift : 0;
  const float gain = a.gain_db > 0 ? random.uniform(static_cast<float>(-a.gain_db), static_cast<float>(a.gain_db)) : 0;
  // A longer clip gives any of its stretches; a shorter one stands anywhere in the window.
  const auto slack = static_cast<int64_t>(static_cast<double>(T) / rate) - frames;
  double start = 0;
  if (recipe.input.crop_s > 0 && slack != 0) {
    const double offset = static_cast<double>(random.below(std::abs(slack) + 1));
    start = slack > 0 ? offset * rate : -offset * rate;
  }
  place(example.map, frames, start, rate, shift, gain, out);

  if (a.time_stripes + a.mel_stripes == 0) return;
  spec_augment(out, frames, M, {a.time_stripes, a.time_width, a.mel_stripes, a.mel_width}, random);
}

void mix(const Recipe& recipe, int64_t step, Batch& batch) {
  Random random(static_cast<uint64_t>(recipe.seed), stream(Purpose::mixup, step));
  if (random.uniform() >= recipe.augment.mixup_share) return;
  std::vector<float> shares(batch.labels.size());
  for (float& share : shares) share = draw_mixup(recipe.augment.mixup, random);
  batch.maps = mixup(batch.maps, shares);
  batch.targets = mixup(batch.targets, shares);
}

}  // namespace

std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  Random(seed, stream(Purpose::order, epoch)).shuffle(order);
  return order;
}

Batch make_batch(const Recipe& recipe, const std::vector<const Example*>& chosen, int classes, int64_t frames,
                 int64_t step) {
  const auto N = static_cast<int64_t>(chosen.size()), M = chosen[0]->map.dim(1);
  const bool pictures = chosen[0]->map.rank() == 3;
  for (const Example* example : chosen) {
    if (!pictures && recipe.input.crop_s == 0) frames = std::max(frames, example->map.dim(0));
  }
  const auto off = static_cast<float>(recipe.train.label_smoothing / classes);
  Shape shape = pictures ? chosen[0]->map.shape() : Shape{frames, M};
  shape.insert(shape.begin(), N);
  Batch batch{Tensor::empty(shape), Tensor::full({N, classes}, off), {}, {}};
  for (int64_t n = 0; n < N; ++n) {
    const Example& example = *chosen[n];
    const Random random(static_cast<uint64_t>(recipe.seed), stream(Purpose::example, step, n));
    float* to = batch.maps.data() + n * (batch.maps.size() / N);
    pictures ? augment_picture(recipe, example.map, random, to) : augment(recipe, example, frames, random, to);
    batch.targets.data()[n * classes + example.label] += static_cast<float>(1 - recipe.train.label_smoothing);
    batch.labels.push_back(example.label);
    batch.frames.push_back(static_cast<int32_t>(example.map.dim(0)));
  }
  if (recipe.augment.mixup > 0) mix(recipe, step, batch);
  return batch;
}

}  // namespace limbic
