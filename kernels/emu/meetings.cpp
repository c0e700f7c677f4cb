// SPDX-License-Identifier: Apache-2.0
// What threads do together: barriers of a block, and collectives of a warp.
#include <algorithm>
#include <cstring>

#include "kernels/emu/counters.h"
#include "kernels/emu/machine.h"
#include "kernels/emu/sanitizers.h"

namespace limbic::emu {

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

void leave_meetings(Warp& warp) {
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
}

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

}  // namespace limbic::emu
