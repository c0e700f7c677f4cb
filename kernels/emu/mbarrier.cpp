// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/mbarrier.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/emu/counters.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"
#include "kernels/emu/scheduler.h"
#include "kernels/emu/wgmma.h"

namespace limbic::emu {
namespace {

constexpr size_t row_bytes = 128, swizzled_bytes = 1024;

struct BulkCopy {
  char* to;
  TensorMap map;
  int corner[5];
  Location at;
};

struct Mbarrier {
  uint64_t* memory;
  Location initialised;
  uint32_t arrivals;          ///< that end a phase
  uint32_t missing;           ///< of them, in this phase
  uint64_t expected, copied;  ///< bytes of this phase, landed or not
  uint32_t phase;
  std::vector<BulkCopy> copies;
  std::vector<unsigned> waiting;

  /// What ThreadSanitizer orders a phase by.
  char& token(uint32_t of_phase) const { return reinterpret_cast<char*>(memory)[of_phase % 2]; }
};
std::vector<Mbarrier> barriers;  // of the running block

Mbarrier& find(uint64_t* memory, const char* op, Location at) {
  note_read(memory, sizeof *memory);
  for (Mbarrier& b : barriers) {
    if (b.memory == memory) return b;
  }
  throw Error("mbarrier", std::string(op) + " on what no thread has initialised", at);
}

int64_t rows_of(const TensorBox& t) {
  int64_t rows = 1;
  for (int i = 1; i < t.rank; ++i) rows *= t.box[i];
  return rows;
}
size_t bytes_of(const TensorMap& map) { return row_bytes * static_cast<size_t>(rows_of(map.of)); }

/// Row `row` of the box: its first element in the tensor, null where it lies outside.
const uint16_t* row_of(const BulkCopy& c, int64_t row) {
  const TensorBox& t = c.map.of;
  const uint16_t* from = t.tensor;
  for (int i = 1; i < t.rank; row /= t.box[i], ++i) {
    const int64_t at = c.corner[i] + row % t.box[i] * t.step[i];
    if (at < 0 || at >= t.size[i]) return nullptr;
    from += at * t.stride[i];
  }
  return from;
}

/// 16 bytes `chunk` of row `row` stand where the row's last three bits are added to those of the chunk, without carry.
char* place_of(char* tile, int64_t row, int64_t chunk) { return tile + row * 128 + (chunk ^ (row & 7)) * 16; }

void land(const BulkCopy& c) {
  const TensorBox& t = c.map.of;
  for (int64_t row = 0; row < rows_of(t); ++row) {
    const uint16_t* const from = row_of(c, row);
    const int64_t begin = std::clamp<int64_t>(-c.corner[0], 0, 64);
    const int64_t end = from ? std::clamp<int64_t>(t.size[0] - c.corner[0], begin, 64) : begin;
    if (begin < end) note_read(from + c.corner[0] + begin, static_cast<size_t>(end - begin) * 2);
    const Quiet quiet;
    for (int64_t i = 0; i < 64; ++i) {
      const uint16_t element = i >= begin && i < end ? from[c.corner[0] + i] : 0;
      std::memcpy(place_of(c.to, row, i / 8) + i % 8 * 2, &element, 2);
    }
  }
}

/// Ends the phase where nothing is missing. Copies land then, and no sooner than `somebody_waits`.
void end_phase_if_due(Mbarrier& b, bool somebody_waits) {
  if (b.missing || b.expected != b.copied || (!b.copies.empty() && !somebody_waits)) return;
  if (!b.copies.empty()) {
    acquire(b.token(b.phase));
    for (const BulkCopy& c : b.copies) {
      note_write(c.to, bytes_of(c.map));
      land(c);
    }
    release(b.token(b.phase));
  }
  const Quiet quiet;
  b.copies.clear();
  b.missing = b.arrivals, b.expected = b.copied = 0, ++b.phase;
  if (options().order == Order::reverse) std::reverse(b.waiting.begin(), b.waiting.end());
  for (const unsigned rank : b.waiting) wake(rank);
  b.waiting.clear();
}

void check_bytes(const Mbarrier& b, Location at) {
  if (b.missing || b.copied <= b.expected) return;
  throw Error("mbarrier",
              std::to_string(b.copied) + " bytes are copied in a phase that expects " + std::to_string(b.expected), at);
}

bool overlap(const char* a, size_t a_bytes, const char* b, size_t b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

void check_copy(const char* to, const TensorMap& map, int rank, Location at) {
  const auto refuse = [&](const char* why) { throw Error("bulk copy", why, at); };
  if (rank != map.of.rank) refuse("another number of coordinates than the tensor has dimensions");
  if (!in_shared(to, bytes_of(map))) refuse("the target is not in this block's shared memory");
  if (reinterpret_cast<uintptr_t>(to) % swizzled_bytes) refuse("the target does not begin at a multiple of 1024 bytes");
  if (is_copied_to(to, bytes_of(map))) refuse("an earlier copy to the same shared memory has not been waited for");
  if (is_read_by_wgmma(to, bytes_of(map))) refuse("it overwrites an operand of a wgmma that nobody has waited for");
}

}  // namespace

TensorMap make_tensor_map(const TensorBox& box) {
  if (const char* const wrong = what_is_wrong(box)) throw Error("tensor map", wrong);
  int64_t last = 0;
  for (int i = 0; i < box.rank; ++i) last += (box.size[i] - 1) * box.stride[i];
  if (!in_device(box.tensor, static_cast<size_t>(last + 1) * 2)) {
    throw Error("tensor map", "the tensor is not within one array of device memory");
  }
  return {box};
}

void emulate_mbarrier_init(uint64_t* barrier, uint32_t arrivals, Location at) {
  if (!in_shared(barrier, sizeof *barrier)) throw Error("mbarrier", "it is not in this block's shared memory", at);
  if (reinterpret_cast<uintptr_t>(barrier) % sizeof *barrier) throw Error("mbarrier", "it is misaligned", at);
  if (!arrivals || arrivals >= 1u << 20) throw Error("mbarrier", "1 to 2^20 - 1 arrivals end a phase", at);
  for (const Mbarrier& b : barriers) {
    if (b.memory == barrier) throw Error("mbarrier", "initialised again, after " + where(b.initialised), at);
  }
  note_write(barrier, sizeof *barrier);
  const Quiet quiet;
  barriers.push_back({barrier, at, arrivals, arrivals, 0, 0, 0, {}, {}});
}

void emulate_mbarrier_arrive(uint64_t* barrier, uint32_t bytes_expected, Location at) {
  Mbarrier& b = find(barrier, "mbarrier_arrive()", at);
  end_phase_if_due(b, true);  // though nobody has waited for it
  if (!b.missing) throw Error("mbarrier", "more arrivals than the " + std::to_string(b.arrivals) + " of a phase", at);
  release(b.token(b.phase));
  b.expected += bytes_expected;
  --b.missing;
  check_bytes(b, at);
  end_phase_if_due(b, !b.waiting.empty());
}

void emulate_mbarrier_wait(uint64_t* barrier, uint32_t parity, Location at) {
  for (;;) {
    Mbarrier& b = find(barrier, "mbarrier_wait()", at);
    if (b.phase % 2 == parity % 2) end_phase_if_due(b, true);
    if (b.phase % 2 != parity % 2) return acquire(b.token(parity));
    const Quiet quiet;
    b.waiting.push_back(static_cast<unsigned>(running_rank()));
    begin_waiting("mbarrier_wait()", at);
    wait_for_turn();
  }
}

void emulate_bulk_copy(void* shared, const TensorMap& map, int rank, const int* corner, uint64_t* barrier,
                       Location at) {
  char* const to = static_cast<char*>(shared);
  Mbarrier& b = find(barrier, "bulk_copy()", at);
  check_copy(to, map, rank, at);
  note_write(to, bytes_of(map));  // may land from now on
  release(b.token(b.phase));
  {
    const Quiet quiet;
    fill_poison(to, bytes_of(map));
    BulkCopy& copy = b.copies.emplace_back(BulkCopy{to, map, {}, at});
    std::copy_n(corner, rank, copy.corner);
  }
  b.copied += bytes_of(map);
  check_bytes(b, at);
  end_phase_if_due(b, !b.waiting.empty());
}

void begin_mbarriers() {
  const Quiet quiet;
  barriers.clear();
}

std::string what_mbarriers_lack() {
  std::string s;
  for (const Mbarrier& b : barriers) {
    if (b.waiting.empty()) continue;
    s += "; the mbarrier of " + where(b.initialised) + " is in phase " + std::to_string(b.phase) + ", lacks " +
         std::to_string(b.missing) + " arrival(s), and has " + std::to_string(b.copied) + " bytes of " +
         std::to_string(b.expected);
  }
  return s;
}

std::string copies_left_behind() {
  for (const Mbarrier& b : barriers) {
    if (!b.copies.empty()) return "the block ends before anybody has waited for the one at " + where(b.copies[0].at);
  }
  return {};
}

bool is_copied_to(const void* shared, size_t bytes) {
  for (const Mbarrier& b : barriers) {
    for (const BulkCopy& c : b.copies) {
      if (overlap(c.to, bytes_of(c.map), static_cast<const char*>(shared), bytes)) return true;
    }
  }
  return false;
}

}  // namespace limbic::emu
