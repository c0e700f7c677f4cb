// SPDX-License-Identifier: Apache-2.0
// A step of training as one CUDA graph: what it launches is recorded once and replayed as a whole, so that the device
// never waits for the host between two kernels.
#pragma once
#include <functional>
#include <memory>

#include "engine/tensor.h"

namespace limbic {

class Recording;  // recording.h

/// Records the launches of `work` on compute_device() without running them. Tensors that `work` made keep their place
/// and hold the results of the last replay; those from outside may get new numbers, in the same shape, before each.
/// The bits are those of `work` itself. Throws Error(ExitCode::failure) where `work` reads on the host what a replay
/// would change, or the device is the CPU.
class StepGraph {
 public:
  explicit StepGraph(const std::function<void()>& work);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// One step. Random ops draw as if it were at random_state().step now; seed and device must be the recording's, and what
  /// it used (an optimizer, layers) must still be there.
  void replay();

 private:
  std::unique_ptr<Recording> recording_;
};

/// Host work that belongs to a step, such as counting it: done now, or where a step is recorded, before each replay.
void in_each_step(const std::function<void()>& work);

/// Where a step is recorded: device memory that has what next() says in each replay. Else null.
const void* new_in_each_step(size_t bytes, const std::function<void(void* value)>& next);

template <class T>
const T* new_in_each_step(const std::function<T()>& next) {
  return static_cast<const T*>(new_in_each_step(sizeof(T), [next](void* value) { *static_cast<T*>(value) = next(); }));
}

}  // namespace limbic
