// SPDX-License-Identifier: Apache-2.0
// Blocks one after another, and whose turn it is among the threads of one.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>

#include "kernels/emu/counters.h"
#include "kernels/emu/faults.h"
#include "kernels/emu/machine.h"
#include "kernels/emu/mbarrier.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"
#include "kernels/emu/wgmma.h"

namespace limbic::emu {
namespace {

uint64_t random_below(uint64_t n) {  // splitmix64
  uint64_t z = m.random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (z ^ z >> 31) % n;
}

/// The thread whose turn it is, or null.
Thread* next_thread() {
  if (!m.waiting_for_a_turn) return nullptr;
  if (options().order == Order::random) {
    const auto at = [](size_t i) -> Thread*& { return m.ready[(m.first + i) % m.ready.size()]; };
    size_t chosen = random_below(m.waiting_for_a_turn);
    for (size_t i = 0; m.one_warp_races && i < m.waiting_for_a_turn; ++i) {
      if (at(i)->rank / lanes == m.racing_warp) chosen = i;
    }
    std::swap(at(0), at(chosen));
  }
  Thread* const t = m.ready[m.first];
  m.first = (m.first + 1) % m.ready.size();
  --m.waiting_for_a_turn;
  return t;
}

void thread_main();

Fiber& fiber_for(const Thread& t) {
  Multiprocessor& mp = *m.here;
  const size_t base = static_cast<size_t>(&mp - m.multiprocessors) * max_threads;
  if (with_tsan) {  // a stack must not pass from one CUDA thread to another
    Fiber& own = mp.fibers[t.rank];
    if (!own.stack_pointer) prepare(own, base + t.rank, thread_main);
    return own;
  }
  if (!mp.idle.empty()) {
    Fiber* const idle = mp.idle.back();
    mp.idle.pop_back();
    return *idle;
  }
  Fiber& fresh = mp.fibers[mp.prepared];
  prepare(fresh, base + mp.prepared++, thread_main);
  return fresh;
}

void become(Thread& t) {
  m.current = &t;
  threadIdx = t.index;
  t.state = State::ready;
#ifdef LIMBIC_EMU_TSAN
  __tsan_switch_to_fiber(m.here->tsan_fibers[t.rank], __tsan_switch_to_fiber_no_sync);
#endif
}

void go_on_with(Fiber& from, Thread& next) {
  if (next.state == State::fresh) next.fiber = &fiber_for(next);
  become(next);
  if (next.fiber == &from) return;
  ++statistics().switches;
  switch_fiber(from, *next.fiber);
}

void back_to_launch(Fiber& from) {
#ifdef LIMBIC_EMU_TSAN
  __tsan_switch_to_fiber(m.main_tsan, __tsan_switch_to_fiber_no_sync);
#endif
  switch_fiber(from, m.main);
}

/// A thread has returned: others may have waited for nobody else.
void leave(Thread& t) {
  t.state = State::returned;
  ++m.returned;
  Warp& warp = m.warps[t.rank / lanes];
  warp.returned |= 1u << t.rank % lanes;
  leave_warpgroup(t.rank);
  leave_meetings(warp);
  open_barrier_if_full();
}

void run_current_thread() {
  Multiprocessor& mp = *m.here;
  acquire(m.start_token);
  acquire(mp.end_token[(mp.blocks + 1) % 2]);
  try {
    m.body(m.context);
    release(mp.end_token[mp.blocks % 2]);
    const Quiet quiet;
    leave(*m.current);
    return;
  } catch (const Error& error) {
    m.error = std::make_exception_ptr(Error(error, context()));
  } catch (...) {
    m.error = std::current_exception();
  }
  release(mp.end_token[mp.blocks % 2]);  // the launch will look at the error
}

void thread_main() {
  fiber_entered();
  for (;;) {
    Fiber& own = *m.current->fiber;
    run_current_thread();
    const Quiet quiet;
    Thread* const next = m.error ? nullptr : next_thread();
    if (!with_tsan && next && next->state == State::fresh) {  // a thread that never waited: go on as a plain loop
      next->fiber = &own;
      become(*next);
      continue;
    }
    m.here->idle.push_back(&own);
    if (next) {
      go_on_with(own, *next);
    } else {
      back_to_launch(own);
    }
  }
}

#ifdef LIMBIC_EMU_TSAN
/// A fiber that has started is parked in the scheduler, under Quiet: it may not end so.
void drop_tsan_fiber(void*& fiber, bool started) {
  if (started) {
    __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
    end_ignoring();
    __tsan_switch_to_fiber(m.main_tsan, __tsan_switch_to_fiber_no_sync);
  }
  if (fiber) __tsan_destroy_fiber(fiber);
  fiber = nullptr;
}
#endif

/// Forgets all fibers: those that are parked in a kernel are never gone on with.
void drop_fibers() {
  for (Multiprocessor& mp : m.multiprocessors) {
#ifdef LIMBIC_EMU_TSAN
    for (unsigned i = 0; i < max_threads; ++i)
      drop_tsan_fiber(mp.tsan_fibers[i], mp.fibers[i].stack_pointer != nullptr);
#endif
    for (Fiber& fiber : mp.fibers) fiber.stack_pointer = nullptr;
    mp.idle.clear();
    mp.prepared = 0;
  }
}

void make_tsan_fibers() {
#ifdef LIMBIC_EMU_TSAN
  m.main_tsan = __tsan_get_current_fiber();
  for (Multiprocessor& mp : m.multiprocessors) {
    for (const Thread& t : m.threads) {
      void*& fiber = mp.tsan_fibers[t.rank];
      if (!fiber) fiber = __tsan_create_fiber(0);
      __tsan_set_fiber_name(fiber, ("CUDA thread " + text(t.index)).c_str());
    }
  }
#endif
}

void run_block(uint3 index, int multiprocessor) {
  blockIdx = index;
  m.here = &m.multiprocessors[multiprocessor];
  ++m.here->blocks;
  m.returned = 0;
  m.first = m.waiting_for_a_turn = 0;
  m.one_warp_races = random_below(2);
  m.racing_warp = static_cast<unsigned>(random_below(m.warps.size()));
  m.barrier.waiting.clear();
  m.barrier.predicates = 0;
  for (Warp& warp : m.warps) warp.meetings.clear(), warp.returned = 0;
  for (Thread& t : m.threads) t.state = State::fresh, t.fiber = nullptr, t.copies.clear(), t.copy_group = 0;
  const size_t n = m.threads.size();
  for (size_t i = 0; i < n; ++i) make_ready(m.threads[options().order == Order::reverse ? n - 1 - i : i]);
  begin_shared(multiprocessor, m.launch->shared_bytes);
  begin_mbarriers();
  begin_warpgroups();

  m.current = nullptr;
  go_on_with(m.main, *next_thread());
  if (const std::string fault = take_fault(); !fault.empty()) {
    m.error = std::make_exception_ptr(Error(Error("invalid address", fault), context()));
  }
  m.current = nullptr;
  note_block_end();
  std::string wrong;
  if (!m.error && m.returned != n) {
    m.error = std::make_exception_ptr(
        Error(Error("deadlock", "nobody can go on: " + who_waits() + what_mbarriers_lack()), context()));
  } else if (!m.error && (wrong = copies_left_behind()) != "") {
    m.error = std::make_exception_ptr(Error(Error("bulk copy", wrong), context()));
  } else if (!m.error && (wrong = damaged_shared()) != "") {
    m.error = std::make_exception_ptr(Error(Error("out of bounds", wrong), context()));
  }
  if (m.error) drop_fibers();
}

void set_up_threads(const dim3& block) {
  const unsigned n = block.x * block.y * block.z;
  m.threads.resize(n);
  m.warps.assign((n + lanes - 1) / lanes, {});
  m.ready.assign(n, nullptr);
  for (unsigned i = 0; i < n; ++i) {
    m.threads[i].rank = i;
    m.threads[i].index = {i % block.x, i / block.x % block.y, i / block.x / block.y};
    m.warps[i / lanes].exists |= 1u << i % lanes;
  }
}

void check_limits(const Launch& l) {
  const auto refuse = [&](const std::string& why) {
    throw Error("launch", std::string("kernel ") + l.kernel + ": " + why, l.at);
  };
  const uint64_t threads = uint64_t{l.block.x} * l.block.y * l.block.z;
  if (!threads || threads > max_threads || l.block.x > 1024 || l.block.y > 1024 || l.block.z > 64) {
    refuse("a block of " + std::to_string(threads) + " threads; 1 to 1024 are allowed, at most 64 along z");
  }
  if (l.grid.x > 0x7fffffffu || l.grid.y > 65535 || l.grid.z > 65535) {
    refuse("a grid of " + text({l.grid.x, l.grid.y, l.grid.z}) + " blocks; at most 65535 along y and z");
  }
  if (l.shared_bytes > max_shared) {
    refuse(std::to_string(l.shared_bytes) + " bytes of dynamic shared memory; 227 KB are allowed");
  }
}

/// The k-th block to run. A step that shares no factor with `blocks` visits each once.
uint64_t block_in_turn(uint64_t k, uint64_t blocks, uint64_t step, uint64_t offset) {
  switch (options().order) {
    case Order::forward:
      return k;
    case Order::reverse:
      return blocks - 1 - k;
    case Order::random:
      return (k * step + offset) % blocks;
  }
  return k;
}

}  // namespace

void make_ready(Thread& t) {
  if (t.state != State::fresh) t.state = State::ready;
  m.ready[(m.first + m.waiting_for_a_turn++) % m.ready.size()] = &t;
}

void wait() {
  Fiber& own = *m.current->fiber;
  if (Thread* const next = next_thread()) {
    go_on_with(own, *next);
  } else {
    back_to_launch(own);  // nobody can run: the launch reports it
  }
}

void wait_in(const char* op, Location at) {
  m.current->waits_in = op;
  m.current->at = at;
  m.current->state = State::waiting;
}

Options& options() {
  static Options chosen = [] {
    Options o;
    const char* const order = std::getenv("LIMBIC_EMU_ORDER");
    const char* const seed = std::getenv("LIMBIC_EMU_SEED");
    if (seed) o.seed = std::strtoull(seed, nullptr, 10);
    if (!order || !std::strcmp(order, "forward")) return o;
    if (std::strcmp(order, "reverse") && std::strcmp(order, "random")) {
      throw Error("options",
                  "LIMBIC_EMU_ORDER is \"" + std::string(order) + "\"; it can be forward, reverse or random");
    }
    o.order = order[1] == 'e' ? Order::reverse : Order::random;
    return o;
  }();
  return chosen;
}

Statistics& statistics() {
  static Statistics sums;
  return sums;
}

namespace {
bool (*told)(const Launch&) = nullptr;
}
void tell_of_launches(bool (*tell)(const Launch&)) { told = tell; }

void run(const Launch& launch, void (*thread)(const void*), const void* arguments) {
  static std::mutex one_at_a_time;
  if (m.current) throw Error("launch", "a kernel launches a kernel", launch.at);
  const std::lock_guard lock(one_at_a_time);
  check_limits(launch);
  if (told && !told(launch)) return;
  catch_faults();
  m.launch = &launch, m.body = thread, m.context = arguments;
  m.random = options().seed;
  m.error = nullptr;
  blockDim = launch.block, gridDim = launch.grid;
  set_up_threads(launch.block);
  make_tsan_fibers();
  note_launch(launch);

  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const uint64_t offset = random_below(blocks);
  uint64_t step = 1 + random_below(blocks);
  while (std::gcd(step, blocks) != 1) ++step;
  const bool random = options().order == Order::random;
  {
    const OpenDevice open;
    release(m.start_token);
    for (uint64_t k = 0; k < blocks && !m.error; ++k) {
      const uint64_t b = block_in_turn(k, blocks, step, offset);
      const uint3 index{static_cast<unsigned>(b % launch.grid.x),
                        static_cast<unsigned>(b / launch.grid.x % launch.grid.y),
                        static_cast<unsigned>(b / launch.grid.x / launch.grid.y)};
      run_block(index, static_cast<int>(random ? random_below(2) : k % 2));
    }
    for (Multiprocessor& mp : m.multiprocessors) acquire(mp.end_token[0]), acquire(mp.end_token[1]);
    const std::string wrong = damaged_device();
    if (!m.error && !wrong.empty()) {
      m.error = std::make_exception_ptr(Error(Error("out of bounds", wrong), context()));
    }
  }
  statistics().launches += 1, statistics().blocks += blocks;
  statistics().threads += blocks * m.threads.size();
  m.launch = nullptr;
  if (m.error) std::rethrow_exception(m.error);
}

unsigned lane_id() { return m.current->rank % lanes; }
unsigned threads_of_block() { return static_cast<unsigned>(m.threads.size()); }
void begin_waiting(const char* op, Location at) { wait_in(op, at); }
void wait_for_turn() { wait(); }
void wake(unsigned rank) { make_ready(m.threads[rank]); }

int running_rank() { return m.current ? static_cast<int>(m.current->rank) : -1; }

const Fiber* running_fiber() { return m.current ? m.current->fiber : nullptr; }

void abandon_thread() {
  back_to_launch(*m.current->fiber);
  __builtin_unreachable();
}

}  // namespace limbic::emu
