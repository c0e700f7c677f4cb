// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <algorithm>
#include <cmath>

#include "engine/dispatch.h"
#include "engine/recording.h"
#include "engine/step_graph.h"
#include "kernels/parallel.h"
#include "kernels/philox.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

// Streams of initialisers and of host code stay apart from those that dropout counts up from 0.
constexpr uint64_t initialiser_streams = uint64_t{1} << 63;
constexpr uint64_t host_streams = uint64_t{1} << 62;

// Box-Muller on 24-bit uniforms.
float normal_of(uint32_t word_a, uint32_t word_b) {
  const double u = (static_cast<double>(word_a >> 8) + 0.5) * 0x1p-24;  // in (0, 1)
  const double v = static_cast<double>(word_b >> 8) * 0x1p-24;
  const double radius = std::sqrt(-2 * portable_log(u));
  return static_cast<float>(radius * portable_sincos(v).cos);
}

// Four random words for one element; `attempt` tells repeated draws apart.
Philox4 draw(uint64_t seed, uint64_t stream, int64_t element, int attempt = 0) {
  return philox(seed, stream, static_cast<uint64_t>(element) | static_cast<uint64_t>(attempt) << 48);
}

uint64_t op_stream(uint64_t step, uint64_t op) {
  return (step << 16 | (op & 0xffff)) & ~(initialiser_streams | host_streams);
}

uint64_t initialiser_stream() { return initialiser_streams | next_random_stream(); }

thread_local bool initialising = true;

// numbers[i] = number(i), on all threads: each number has its own place in the stream.
template <class Number>
void fill(Tensor& w, const Number& number) {
  if (!initialising) return;
  if (Recording::current()) throw Error(ExitCode::failure, "a recorded step cannot draw on the host");
  constexpr int64_t block = 1 << 14;
  float* numbers = w.data();
  const int64_t size = w.size();
  parallel_for((size + block - 1) / block, [&](int64_t task) {
    for (int64_t i = task * block, end = std::min(size, i + block); i < end; ++i) numbers[i] = number(i);
  });
}

}  // namespace

NoInitialisation::NoInitialisation() : before_(initialising) { initialising = false; }
NoInitialisation::~NoInitialisation() { initialising = before_; }

RandomState& random_state() {
  thread_local RandomState state;
  return state;
}

void set_random_step(uint64_t seed, uint64_t step) { random_state() = {seed, step, 0}; }

uint64_t next_random_stream() {
  RandomState& state = random_state();
  return op_stream(state.step, state.op++);
}

const uint64_t* random_stream_of_step() {
  const Recording* const recording = Recording::current();
  if (!recording) return nullptr;
  const RandomState& state = random_state();
  const uint64_t later = state.step - recording->first_random_step(), op = state.op - 1;  // micro-batches count steps
  return new_in_each_step<uint64_t>([later, op] { return op_stream(random_state().step + later, op); });
}

uint32_t Random::word() {
  const uint64_t i = drawn_++;
  return philox(seed_, stream_ | host_streams, i >> 2).word[i & 3];
}

float Random::uniform() { return philox_uniform(word()); }
float Random::uniform(float low, float high) { return std::fma(uniform(), high - low, low); }

int64_t Random::below(int64_t n) {
  if (n < 1) refuse("Random::below: ", n, ", expected at least 1");
  const uint64_t high = word(), low = word();
  const uint64_t wide = high << 32 | low;
  return static_cast<int64_t>(wide % static_cast<uint64_t>(n));
}

float Random::normal() {
  const uint32_t a = word(), b = word();
  return normal_of(a, b);
}

int64_t fan_in(const Tensor& w) { return w.dim(0) ? w.size() / w.dim(0) : 0; }
int64_t fan_out(const Tensor& w) { return w.dim(-1) ? w.size() / w.dim(-1) : 0; }

void uniform(Tensor& w, float low, float high) {
  const uint64_t seed = random_state().seed, stream = initialiser_stream();
  fill(w, [=](int64_t i) { return std::fma(philox_uniform(draw(seed, stream, i).word[0]), high - low, low); });
}

void normal(Tensor& w, float mean, float deviation) {
  const uint64_t seed = random_state().seed, stream = initialiser_stream();
  fill(w, [=](int64_t i) {
    const Philox4 block = draw(seed, stream, i);
    return std::fma(normal_of(block.word[0], block.word[1]), deviation, mean);
  });
}

void xavier_uniform(Tensor& w, float gain) {
  const float bound = gain * std::sqrt(6.0f / static_cast<float>(fan_in(w) + fan_out(w)));
  uniform(w, -bound, bound);
}

void kaiming_uniform(Tensor& w, float negative_slope) {
  const float gain = std::sqrt(2 / (1 + negative_slope * negative_slope));
  const float bound = gain * std::sqrt(3.0f / static_cast<float>(fan_in(w)));
  uniform(w, -bound, bound);
}

// keras.initializers.HeNormal: VarianceScaling(2, "fan_in", "truncated_normal"), whose deviation is enlarged by the
// share that cutting at two deviations takes away.
void he_normal(Tensor& w) {
  const float deviation = std::sqrt(2.0f / static_cast<float>(fan_in(w))) / 0.87962566103423978f;
  const uint64_t seed = random_state().seed, stream = initialiser_stream();
  fill(w, [=](int64_t i) {
    float value = 3;
    for (int attempt = 0; std::fabs(value) > 2; ++attempt) {
      const Philox4 block = draw(seed, stream, i, attempt);
      value = normal_of(block.word[0], block.word[1]);
    }
    return value * deviation;
  });
}

// keras.initializers.Orthogonal: the columns of a normal matrix, each freed of those before it (Gram-Schmidt; Keras
// takes the Q of a QR decomposition, which is the same up to signs).
void orthogonal(Tensor& w) {
  if (w.rank() != 2 || w.dim(0) < w.dim(1)) refuse("orthogonal: ", w.shape(), ", expected [out,in] with out >= in");
  if (!initialising) return;
  normal(w, 0, 1);
  const int64_t rows = w.dim(0), columns = w.dim(1);
  float* const numbers = w.data();
  const auto dot = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t i = 0; i < rows; ++i) sum += double{numbers[i * columns + a]} * numbers[i * columns + b];
    return sum;
  };
  for (int64_t c = 0; c < columns; ++c) {
    for (int pass = 0; pass < 2; ++pass) {  // the second removes what the first's rounding left
      for (int64_t before = 0; before < c; ++before) {
        const auto share = static_cast<float>(dot(c, before));
        for (int64_t i = 0; i < rows; ++i) numbers[i * columns + c] -= share * numbers[i * columns + before];
      }
      const auto scale = static_cast<float>(1 / std::sqrt(dot(c, c)));
      for (int64_t i = 0; i < rows; ++i) numbers[i * columns + c] *= scale;
    }
  }
}

}  // namespace limbic
