// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>

#include "kernels/emu/counters.h"
#include "kernels/emu/faults.h"
#include "kernels/emu/fiber.h"
#include "kernels/emu/mbarrier.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"
#include "kernels/emu/wgmma.h"

namespace limbic::emu {
namespace {

constexpr unsigned max_threads = 1024, lanes = 32;

enum class State : uint8_t { fresh, ready, waiting, returned };

struct LateCopy {
  void* to;
  const void* from;
  unsigned bytes, bytes_read;
  int group;
};

struct Thread {
  unsigned rank = 0;  ///< in its block
  uint3 index{};
  State state = State::fresh;
  Fiber* fiber = nullptr;
  const char* waits_in = nullptr;
  Location at;
  std::vector<LateCopy> copies;
  int copy_group = 0;
};

struct Meeting {
  Collective what;
  Location at;
  uint32_t mask, arrived;
  void* arguments[lanes];
};

struct Warp {
  std::vector<Meeting> meetings;
  uint32_t exists = 0, returned = 0;
  unsigned fences = 0;
  char fence_token[2] = {};
};

struct Barrier {
  std::vector<Thread*> waiting;
  Location at;
  int predicates = 0, counted = 0;
  unsigned generation = 0;
  char token[2] = {};
};

/// Fibers, and what ThreadSanitizer orders. Blocks take turns on two multiprocessors that know nothing of each other;
/// the blocks of one follow each other, as they share its memory.
struct Multiprocessor {
  std::vector<Fiber> fibers = std::vector<Fiber>(max_threads);
  std::vector<void*> tsan_fibers = std::vector<void*>(max_threads);
  std::vector<Fiber*> idle;  ///< parked in thread_main, ready for another thread
  size_t prepared = 0;
  unsigned blocks = 0;
  char end_token[2] = {};
};

struct Machine {
  const Launch* launch = nullptr;
  void (*body)(const void*) = nullptr;
  const void* context = nullptr;

  std::vector<Thread> threads;
  std::vector<Warp> warps;
  Barrier barrier;
  unsigned returned = 0;

  std::vector<Thread*> ready;  ///< a ring
  size_t first = 0, waiting_for_a_turn = 0;
  uint64_t random = 0;
  bool one_warp_races = false;  ///< random order: one warp goes as far as it can before the others
  unsigned racing_warp = 0;

  Multiprocessor multiprocessors[2];
  Multiprocessor* here = nullptr;
  Fiber main;
  void* main_tsan = nullptr;
  Thread* current = nullptr;
  std::exception_ptr error;
  char start_token = 0;
};

Machine& machine() {
  static Machine* const instance = new Machine;
  return *instance;
}
Machine& m = machine();

uint64_t random_below(uint64_t n) {  // splitmix64
  uint64_t z = m.random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (z ^ z >> 31) % n;
}

std::string text(uint3 v) {
  std::string s = "(";
  return s.append(std::to_string(v.x))
      .append(",")
      .append(std::to_string(v.y))
      .append(",")
      .append(std::to_string(v.z))
      .append(")");
}

std::string context() {
  std::string s = std::string("\n  in kernel ") + m.launch->kernel + ", block " + text(blockIdx);
  if (m.current) s += ", thread " + text(m.current->index);
  s += ", launched at " + where(m.launch->at) + ", order ";
  switch (options().order) {
    case Order::forward:
      return s + "forward";
    case Order::reverse:
      return s + "reverse";
    case Order::random:
      return s + "random, seed " + std::to_string(options().seed);
  }
  return s;
}

/// Who waits where, a phrase for each place.
std::string who_waits() {
  struct Group {
    unsigned threads = 0;
    uint3 first{};
    void add(const Thread& t) {
      if (!threads++) first = t.index;
    }
  };
  std::map<std::string, Group> places;
  for (const Thread& t : m.threads) {
    if (t.state == State::waiting) places["wait in " + std::string(t.waits_in) + " at " + where(t.at)].add(t);
    if (t.state == State::returned) places["have returned"].add(t);
  }
  std::string s;
  for (const auto& [place, group] : places) {
    s += (s.empty() ? "" : "; ") + std::to_string(group.threads) + " thread(s) " + place + " (first " +
         text(group.first) + ")";
  }
  return s;
}

void make_ready(Thread& t) {
  if (t.state != State::fresh) t.state = State::ready;
  m.ready[(m.first + m.waiting_for_a_turn++) % m.ready.size()] = &t;
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

/// The running thread waits; returns when somebody has made it ready and its turn has come.
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

/// Wakes the waiting threads of the barrier when all have arrived.
void open_barrier_if_full() {
  Barrier& b = m.barrier;
  if (b.waiting.empty() || b.waiting.size() < m.threads.size() - m.returned) return;
  if (m.returned) throw Error("divergent barrier", "a barrier was not reached by every thread: " + who_waits());
  note_barrier();
  b.counted = b.predicates;
  b.predicates = 0;
  ++b.generation;
  if (options().order == Order::reverse) {
    std::sort(b.waiting.begin(), b.waiting.end(), [](Thread* x, Thread* y) { return x->rank > y->rank; });
  }
  for (Thread* t : b.waiting) make_ready(*t);
  b.waiting.clear();
}

uint32_t expected_lanes(const Warp& warp, uint32_t mask) { return mask & warp.exists & ~warp.returned; }

void hold_meeting(Warp& warp, size_t index) {
  const Meeting meeting = warp.meetings[index];
  warp.meetings.erase(warp.meetings.begin() + static_cast<ptrdiff_t>(index));
  const auto number = static_cast<unsigned>(&warp - m.warps.data());
  note_meeting(number, meeting.arrived == expected_lanes(warp, ~0u));
  if (meeting.what.combine) {
    const Uncounted by_the_kernel;
    meeting.what.combine(meeting.arguments, meeting.arrived);
  }
  if (meeting.what.fence) ++warp.fences;
  Thread* const first = &m.threads[number * lanes];
  for (unsigned i = 0; i < lanes; ++i) {
    const unsigned lane = options().order == Order::reverse ? lanes - 1 - i : i;
    if (meeting.arrived >> lane & 1) make_ready(first[lane]);
  }
}

/// A thread has returned: others may have waited for nobody else.
void leave(Thread& t) {
  t.state = State::returned;
  ++m.returned;
  Warp& warp = m.warps[t.rank / lanes];
  warp.returned |= 1u << t.rank % lanes;
  leave_warpgroup(t.rank);
  for (size_t i = 0; i < warp.meetings.size();) {
    const Meeting& meeting = warp.meetings[i];
    if (expected_lanes(warp, meeting.mask) != meeting.arrived) {
      ++i;
      continue;
    }
    if (meeting.what.aligned) {
      throw Error("divergent warp", std::string(meeting.what.op) + " needs the whole warp: " + who_waits());
    }
    hold_meeting(warp, i);
    i = 0;
  }
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

int block_barrier(const char* op, bool predicate, Location at) {
  const Quiet quiet;
  Barrier& b = m.barrier;
  if (!b.waiting.empty() && (b.at.line != at.line || std::strcmp(b.at.file, at.file))) {
    throw Error("divergent barrier", std::string(op) + " at " + where(at) + " while thread " +
                                         text(b.waiting[0]->index) + " waits in the one at " + where(b.at));
  }
  b.at = at;
  b.predicates += predicate;
  char& token = b.token[b.generation % 2];
  release(token);
  wait_in(op, at);
  b.waiting.push_back(m.current);
  open_barrier_if_full();
  wait();
  acquire(token);
  return b.counted;
}

namespace {

/// Throws unless the running thread may join `meeting` (a frame that parks holds no memory of its own: it may be
/// dropped).
void check_joins(const Meeting& meeting, const Collective& what, uint32_t mask, Location at) {
  const auto refuse = [&](const char* rule, const char* why) {
    throw Error(rule, std::string(what.op) + why + meeting.what.op + " at " + where(meeting.at) + ";", at);
  };
  if (meeting.mask != mask) refuse("bad mask", ": the mask overlaps with that of ");
  if (std::strcmp(what.op, meeting.what.op)) refuse("divergent warp", " while other lanes are in ");
  if (what.aligned && meeting.at.line != at.line) refuse("divergent warp", ": other lanes are in ");
}

void check_may_meet(const Warp& warp, const Collective& what, uint32_t mask, Location at) {
  if (!(mask >> lane_id() & 1)) {
    throw Error("bad mask", std::string(what.op) + ": lane " + std::to_string(lane_id()) + " is not in its mask", at);
  }
  if (what.aligned && (warp.returned || ~warp.exists)) {
    throw Error("divergent warp", std::string(what.op) + " needs the whole warp", at);
  }
}

}  // namespace

void warp_collective(const Collective& what, uint32_t mask, void* argument, Location at) {
  const Quiet quiet;
  const unsigned lane = lane_id();
  Warp& warp = m.warps[m.current->rank / lanes];
  check_may_meet(warp, what, mask, at);
  size_t i = 0;
  while (i < warp.meetings.size() && !(warp.meetings[i].mask & mask)) ++i;
  if (i == warp.meetings.size()) warp.meetings.push_back({what, at, mask, 0, {}});
  Meeting& meeting = warp.meetings[i];
  check_joins(meeting, what, mask, at);
  meeting.arguments[lane] = argument;
  meeting.arrived |= 1u << lane;
  char& token = warp.fence_token[warp.fences % 2];
  if (what.fence) release(token);
  wait_in(what.op, at);
  if (meeting.arrived == expected_lanes(warp, mask)) hold_meeting(warp, i);
  wait();
  if (what.fence) acquire(token);
}

unsigned lane_id() { return m.current->rank % lanes; }
unsigned threads_of_block() { return static_cast<unsigned>(m.threads.size()); }
void begin_waiting(const char* op, Location at) { wait_in(op, at); }
void wait_for_turn() { wait(); }
void wake(unsigned rank) { make_ready(m.threads[rank]); }

namespace {

void move_now(const LateCopy& c) {
  note_read(c.from, c.bytes_read), note_write(c.to, c.bytes);
  const Quiet quiet;
  std::memcpy(c.to, c.from, c.bytes_read);
  std::memset(static_cast<char*>(c.to) + c.bytes_read, 0, c.bytes - c.bytes_read);
}

}  // namespace

void copy_later(void* shared, const void* global, unsigned bytes, unsigned bytes_read, Location at) {
  if (!in_shared(shared, bytes)) throw Error("cp.async", "the target is not in this block's shared memory", at);
  if (bytes_read > bytes) throw Error("cp.async", "reads more than it writes", at);
  if (bytes_read && !in_device(global, bytes_read)) throw Error("cp.async", "the source is not device memory", at);
  const auto misaligned = [&](const void* p) { return reinterpret_cast<uintptr_t>(p) % bytes != 0; };
  if (misaligned(shared) || misaligned(global)) {
    throw Error("cp.async", "an address is not a multiple of " + std::to_string(bytes), at);
  }
  note_write(shared, bytes);  // may land from now on
  note_access(Access::read, global, bytes_read, __builtin_return_address(0));
  note_access(Access::write, shared, bytes, static_cast<const char*>(__builtin_return_address(0)) + 1);
  const Quiet quiet;
  fill_poison(shared, bytes);
  m.current->copies.push_back({shared, global, bytes, bytes_read, m.current->copy_group});
}

void commit_copies() { ++m.current->copy_group; }

void wait_for_copies(int groups_left) {
  Thread& t = *m.current;
  std::erase_if(t.copies, [&](const LateCopy& c) {
    const bool due = c.group < t.copy_group - groups_left;
    if (due) move_now(c);
    return due;
  });
}

int running_rank() { return m.current ? static_cast<int>(m.current->rank) : -1; }

const Fiber* running_fiber() { return m.current ? m.current->fiber : nullptr; }

std::string running_context() { return m.current ? context() : std::string(); }

void abandon_thread() {
  back_to_launch(*m.current->fiber);
  __builtin_unreachable();
}

}  // namespace limbic::emu
