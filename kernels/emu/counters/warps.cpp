// SPDX-License-Identifier: Apache-2.0
// Writes down what each thread of the running block does, and plays it back warp by warp.
#include <algorithm>
#include <map>

#include "kernels/emu/counters.h"
#include "kernels/emu/counters/hooks.h"
#include "kernels/emu/faults.h"
#include "kernels/emu/memory.h"

namespace limbic::emu {
namespace {

constexpr unsigned lanes = 32;

enum class Space : uint8_t { code, device, shared };

struct Event {
  uintptr_t code;     ///< a basic block, or an access in one
  uintptr_t address;  ///< of an access; device arrays begin at multiples of 256, as cudaMalloc's do
  uint32_t bytes;
  Space space;
  Access access;
};

struct Sums {
  Counters counters;
  std::map<uintptr_t, uint64_t> entered;  ///< basic blocks, by lanes
};

struct Notes {
  std::vector<std::vector<Event>> traces = std::vector<std::vector<Event>>(1024);  ///< by rank
  std::vector<Sums> kernels;
  size_t running = 0;  ///< of `kernels`
};

Notes& notes() {
  static Notes* const instance = new Notes;
  return *instance;
}
Notes& n = notes();
constinit bool on = false;  // kernels' code runs, not the emulator's

/// The lanes that take a step together: their events have the same place in the code.
struct Step {
  const Event* of_lane[lanes];
  unsigned count = 0;
};

/// The different pieces of `size` bytes that lanes [first, last) of a step touch.
std::vector<uintptr_t> pieces_of(const Step& step, unsigned size, unsigned first, unsigned last) {
  std::vector<uintptr_t> touched;
  for (unsigned i = first; i < last; ++i) {
    const Event& e = *step.of_lane[i];
    for (uintptr_t piece = e.address / size; piece <= (e.address + e.bytes - 1) / size; ++piece) {
      touched.push_back(piece);
    }
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  return touched;
}

/// Passes beyond the first in which lanes [first, last) get their words.
uint64_t conflicts_among(const Step& step, unsigned first, unsigned last) {
  uint64_t words[32] = {}, most = 1;  // by bank
  for (const uintptr_t word : pieces_of(step, 4, first, last)) most = std::max(most, ++words[word % 32]);
  return most - 1;
}

uint64_t conflicts_of(const Step& step) {
  const unsigned together = std::clamp(128 / std::max(4u, step.of_lane[0]->bytes), 1u, lanes);
  uint64_t conflicts = 0;
  for (unsigned first = 0; first < step.count; first += together) {
    conflicts += conflicts_among(step, first, std::min(first + together, step.count));
  }
  return conflicts;
}

void count(const Step& step) {
  Sums& sums = n.kernels[n.running];
  Counters& c = sums.counters;
  const Event& e = *step.of_lane[0];
  if (e.space == Space::code) {
    ++c.steps, c.lanes += step.count;
    sums.entered[e.code] += step.count;
  } else if (e.space == Space::device) {
    DeviceTraffic& t = e.access == Access::read ? c.reads : e.access == Access::write ? c.writes : c.atomics;
    ++t.requests, t.bytes += uint64_t{step.count} * e.bytes, t.sectors += pieces_of(step, 32, 0, step.count).size();
  } else {
    SharedTraffic& t = e.access == Access::read ? c.shared_reads : c.shared_writes;
    ++t.requests, t.bytes += uint64_t{step.count} * e.bytes, t.conflicts += conflicts_of(step);
  }
}

void play_back(unsigned warp) {
  std::vector<Event>* const trace = &n.traces[warp * lanes];
  size_t next[lanes] = {};
  const auto code_of = [&](unsigned lane) {
    return next[lane] < trace[lane].size() ? trace[lane][next[lane]].code : UINTPTR_MAX;
  };
  for (;;) {
    uintptr_t lowest = UINTPTR_MAX;
    for (unsigned lane = 0; lane < lanes; ++lane) lowest = std::min(lowest, code_of(lane));
    if (lowest == UINTPTR_MAX) break;
    Step step;
    uintptr_t then = 0;
    bool parted = false;
    for (unsigned lane = 0; lane < lanes; ++lane) {
      if (code_of(lane) != lowest) continue;
      step.of_lane[step.count++] = &trace[lane][next[lane]++];
      parted |= step.count > 1 && code_of(lane) != then;
      then = code_of(lane);
    }
    count(step);
    n.kernels[n.running].counters.divergent_branches += parted;
  }
  for (unsigned lane = 0; lane < lanes; ++lane) trace[lane].clear();
}

void play_back_all() {
  for (unsigned warp = 0; warp < n.traces.size() / lanes; ++warp) play_back(warp);
}

bool on_own_stack(const void* address) {
  const Fiber& fiber = *running_fiber();
  const char* const at = static_cast<const char*>(address);
  return at >= fiber.stack && at < fiber.stack + fiber.stack_bytes;
}

void write_down(const Event& event) { n.traces[static_cast<size_t>(running_rank())].push_back(event); }

bool counting() { return on && running_rank() >= 0; }

}  // namespace

Uncounted::Uncounted() : before_(on) { on = false; }
Uncounted::~Uncounted() { on = before_; }

void note_block(const void* code) {
  if (!counting()) return;
  const Uncounted own;
  write_down({reinterpret_cast<uintptr_t>(code), 0, 0, Space::code, Access::read});
}

void note_access(Access access, const void* address, size_t bytes, const void* code) {
  if (!bytes || !counting()) return;
  const Uncounted own;
  if (on_own_stack(address)) return;
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  Space space = Space::shared;
  if (!in_shared(address, bytes)) {
    const void* const array = device_array(address);
    if (!array) return;
    space = Space::device;
    at -= reinterpret_cast<uintptr_t>(array) % 256;
  }
  write_down({reinterpret_cast<uintptr_t>(code), at, static_cast<uint32_t>(bytes), space, access});
}

void note_launch(const Launch& launch) {
  on = false;
  for (auto& trace : n.traces) trace.clear();  // of a launch that failed
  n.running = 0;
  while (n.running < n.kernels.size() && n.kernels[n.running].counters.kernel != launch.kernel) ++n.running;
  if (n.running == n.kernels.size()) n.kernels.emplace_back().counters.kernel = launch.kernel;
  Counters& c = n.kernels[n.running].counters;
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  ++c.launches, c.blocks += blocks;
  c.threads += blocks * launch.block.x * launch.block.y * launch.block.z;
  on = true;
}

void note_block_end() {
  const Uncounted own;
  play_back_all();
}

void note_barrier() {
  const Uncounted own;
  ++n.kernels[n.running].counters.barriers;
  play_back_all();
}

void note_meeting(unsigned warp, bool of_whole_warp) {
  const Uncounted own;
  ++n.kernels[n.running].counters.meetings;
  if (of_whole_warp) play_back(warp);
}

void note_tensor_flops(uint64_t flops) { n.kernels[n.running].counters.tensor_flops += flops; }

std::vector<Counters> take_counters() {
  const Uncounted own;
  std::vector<Counters> all;
  for (Sums& sums : n.kernels) {
    std::vector<uintptr_t> blocks;
    for (const auto& [code, entered] : sums.entered) blocks.push_back(code);
    if (const auto of_block = flops_of_blocks(blocks)) {
      sums.counters.flops.emplace();
      size_t i = 0;
      for (const auto& [code, entered] : sums.entered) {
        sums.counters.flops->f32 += entered * (*of_block)[i].f32;
        sums.counters.flops->f64 += entered * (*of_block)[i++].f64;
      }
    }
    all.push_back(sums.counters);
  }
  n.kernels.clear();
  return all;
}

}  // namespace limbic::emu
