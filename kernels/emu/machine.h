// SPDX-License-Identifier: Apache-2.0
// The state of a launch, as the files that run it share it: scheduler.cpp gives threads their turns, meetings.cpp has
// them meet, late_copies.cpp moves what cp.async has asked for.
#pragma once
#include <exception>
#include <string>
#include <vector>

#include "kernels/emu/fiber.h"
#include "kernels/emu/scheduler.h"

namespace limbic::emu {

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

inline Machine& m = *new Machine;  // never destroyed: parked fibers stay parked

/// "(1,0,0)"
std::string text(uint3 v);

/// In which kernel, block and thread, launched where, in which order.
std::string context();

/// Who waits where, a phrase for each place.
std::string who_waits();

void make_ready(Thread& t);

/// The running thread waits; returns when somebody has made it ready and its turn has come.
void wait();
void wait_in(const char* op, Location at);  ///< says where it is about to

/// The running thread has returned: others may have waited for nobody else.
void leave_meetings(Warp& warp);
void open_barrier_if_full();  ///< wakes the waiting threads of the barrier when all have arrived

}  // namespace limbic::emu
