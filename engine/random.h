// SPDX-License-Identifier: Apache-2.0
// Counter-based randomness (kernels/philox.h): (seed, stream, element) -> number, the same on every machine and at any
// thread count. No libm function is used where its bits could differ.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace limbic {

/// Where this thread's random ops (dropout, initialisers) take their streams from.
struct RandomState {
  uint64_t seed = 0, step = 0, op = 0;
};
RandomState& random_state();
/// Training calls this before every step: op counting starts again, so that a resumed run draws the same numbers.
void set_random_step(uint64_t seed, uint64_t step);
/// The next op's stream: (step, op) in one word; counts op up.
uint64_t next_random_stream();
/// Of an op whose stream next_random_stream() just gave: where a step is recorded, the device memory that holds the
/// stream of each replay's step (step_graph.h). Else null.
const uint64_t* random_stream_of_step();

/// A sequence of numbers for host code (shuffles, augmentation): Random(seed, stream), where the caller makes the
/// stream from what must decide (epoch, clip). Copyable; its position is (seed, stream, drawn).
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}
  uint32_t word();
  float uniform();                       ///< [0, 1), 24 bits
  float uniform(float low, float high);  ///< [low, high)
  int64_t below(int64_t n);              ///< 0 ... n-1
  float normal();                        ///< mean 0, deviation 1
  template <class T>
  void shuffle(std::vector<T>& items) {  ///< Fisher-Yates
    for (auto i = static_cast<int64_t>(items.size()); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  uint64_t seed_, stream_, drawn_ = 0;
};

/// While one is alive, this thread's initialisers do nothing: for nets whose numbers are about to be read from a file.
struct NoInitialisation {
  NoInitialisation();
  ~NoInitialisation();
  NoInitialisation(const NoInitialisation&) = delete;
  NoInitialisation& operator=(const NoInitialisation&) = delete;

 private:
  bool before_;
};

// Initialisers: overwrite w with the next stream of the random state. For w [K,...,C]: fan_in = all but K, fan_out =
// all but C; so for [K,R,S,C] and for [out,in].
void uniform(Tensor& w, float low, float high);
void normal(Tensor& w, float mean, float deviation);
void xavier_uniform(Tensor& w, float gain = 1);  ///< +-gain sqrt(6 / (fan_in + fan_out)); Keras: glorot_uniform
void kaiming_uniform(Tensor& w, float negative_slope = 0);  ///< +-sqrt(2 / (1 + slope^2)) sqrt(3 / fan_in), as PyTorch
void he_normal(
    Tensor& w);  ///< Keras: normal of deviation sqrt(2 / fan_in), cut off at two deviations (before rescaling)
void orthogonal(Tensor& w);  ///< Keras: a random [out,in] (out >= in) whose columns are orthonormal

int64_t fan_in(const Tensor& w);
int64_t fan_out(const Tensor& w);

}  // namespace limbic
