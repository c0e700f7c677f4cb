// SPDX-License-Identifier: Apache-2.0
// A small persistent thread pool. Work is cut into tasks by the caller, from the shape alone; which thread runs a task
// never changes what it computes, so results have the same bits at any thread count.
#pragma once
#include <cstdint>

namespace limbic {

/// Threads used by parallel_for: set_threads(), else LIMBIC_THREADS, else the machine's cores.
int threads();
void set_threads(int count);  ///< 1 or more; not to be called inside parallel_for

/// Runs task(context, 0) ... task(context, tasks - 1), in any order, on any thread, and waits for all.
/// A call from inside a task runs its tasks in order on the calling thread. Where tasks throw, the exception of the
/// first in order is thrown here; which of the tasks after it have run is open.
void parallel_run(int64_t tasks, void (*task)(void* context, int64_t index), void* context);

template <class Body>
void parallel_for(int64_t tasks, const Body& body) {
  parallel_run(
      tasks, [](void* context, int64_t index) { (*static_cast<const Body*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace limbic
