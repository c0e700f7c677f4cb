// SPDX-License-Identifier: Apache-2.0
#include "kernels/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace limbic {
namespace {

thread_local bool inside_task = false;

class Pool {
 public:
  explicit Pool(int count) {
    for (int i = 1; i < count; ++i) workers_.emplace_back([this] { work(); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void run(int64_t tasks, void (*task)(void*, int64_t), void* context) {
    std::lock_guard one_at_a_time(run_mutex_);
    {
      std::lock_guard lock(mutex_);
      task_ = task, context_ = context, tasks_ = tasks;
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      ++generation_;
    }
    wake_.notify_all();
    drain();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void drain() {
    inside_task = true;
    for (int64_t i; (i = next_.fetch_add(1)) < tasks_;) {
      try {
        task_(context_, i);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!failure_ || i < failed_) failure_ = std::current_exception(), failed_ = i;
      }
    }
    inside_task = false;
  }

  void work() {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      lock.unlock();
      drain();
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex run_mutex_, mutex_;
  std::condition_variable wake_, done_;
  void (*task_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  int busy_ = 0;
  std::exception_ptr failure_;  // of task failed_, the first that threw
  int64_t failed_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

int default_threads() {
  if (const char* text = std::getenv("LIMBIC_THREADS")) {
    if (int count = std::atoi(text); count >= 1) return std::min(count, 256);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

std::mutex pool_mutex;
Pool* pool = nullptr;  // lives until the process ends: other threads may still run tasks while statics are destroyed
std::atomic<int> thread_count{0};

Pool& the_pool() {
  std::lock_guard lock(pool_mutex);
  if (!pool) pool = new Pool(threads());
  return *pool;
}

}  // namespace

int threads() {
  if (thread_count == 0) thread_count = default_threads();
  return thread_count;
}

void set_threads(int count) {
  std::lock_guard lock(pool_mutex);
  count = std::max(1, count);
  if (count == thread_count) return;
  delete pool;
  pool = nullptr;
  thread_count = count;
}

void parallel_run(int64_t tasks, void (*task)(void*, int64_t), void* context) {
  if (tasks <= 1 || inside_task || threads() == 1) {
    for (int64_t i = 0; i < tasks; ++i) task(context, i);
    return;
  }
  the_pool().run(tasks, task, context);
}

}  // namespace limbic
