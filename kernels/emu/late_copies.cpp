// SPDX-License-Identifier: Apache-2.0
// cp.async as late as it may happen: the bytes move when the thread waits for them.
#include <cstring>

#include "kernels/emu/counters.h"
#include "kernels/emu/machine.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"

namespace limbic::emu {
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

}  // namespace limbic::emu
