// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/memory.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include <sys/mman.h>

#include "kernels/emu/error.h"
#include "kernels/emu/sanitizers.h"

namespace limbic::emu {
namespace {

constexpr size_t page = 4096, alignment = 16;
constexpr size_t static_shared_limit = 48 << 10;

size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }

/// An array between two guard pages, pushed against the second:  guard | slack | array | up to 15 bytes | guard
struct Guarded {
  char* map = nullptr;
  size_t map_bytes = 0;
  char* begin = nullptr;
  size_t bytes = 0;

  char* opened() const { return map + page; }
  size_t opened_bytes() const { return map_bytes - 2 * page; }
  char* end() const { return begin + bytes; }
  bool holds(const void* address, size_t n) const {
    const char* at = static_cast<const char*>(address);
    return at >= begin && at <= end() && n <= static_cast<size_t>(end() - at);
  }
};

// Kernels' own accesses are checked by AddressSanitizer, ours are known to be right: the slack is poisoned for them.
__attribute__((no_sanitize("address"))) void fill(void* memory, size_t bytes) {
  volatile uint32_t* const words = static_cast<uint32_t*>(memory);
  for (size_t i = 0; i < bytes / 4; ++i) words[i] = poison_word;
  volatile unsigned char* const rest = static_cast<unsigned char*>(memory);
  for (size_t i = bytes / 4 * 4; i < bytes; ++i) rest[i] = poison_word >> 24;
}

constexpr unsigned char slack_byte = 0xe5;

/// The bytes between the guard pages that are not the array's.
struct Bytes {
  unsigned char *from, *to;
  volatile unsigned char* begin() const { return from; }
  volatile unsigned char* end() const { return to; }
};
Bytes bytes_between(char* from, char* to) {
  return {reinterpret_cast<unsigned char*>(from), reinterpret_cast<unsigned char*>(to)};
}
Bytes before(const Guarded& g) { return bytes_between(g.opened(), g.begin); }
Bytes after(const Guarded& g) { return bytes_between(g.end(), g.opened() + g.opened_bytes()); }

__attribute__((no_sanitize("address"))) void fill_slack(const Guarded& g) {
  for (volatile unsigned char& byte : before(g)) byte = slack_byte;
  for (volatile unsigned char& byte : after(g)) byte = slack_byte;
}

__attribute__((no_sanitize("address"))) bool slack_is_whole(const Guarded& g) {
  for (volatile unsigned char& byte : before(g)) {
    if (byte != slack_byte) return false;
  }
  for (volatile unsigned char& byte : after(g)) {
    if (byte != slack_byte) return false;
  }
  return true;
}

Guarded make_guarded(size_t bytes) {
  Guarded g;
  g.bytes = bytes;
  const size_t inside = std::max(page, round_up(round_up(bytes, alignment), page));
  g.map_bytes = inside + 2 * page;
  void* map = mmap(nullptr, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();
  g.map = static_cast<char*>(map);
  mprotect(g.opened(), inside, PROT_READ | PROT_WRITE);
  g.begin = g.opened() + inside - round_up(bytes, alignment);
  fill_slack(g);
  fill(g.begin, bytes);
  poison(g.map, static_cast<size_t>(g.begin - g.map));
  poison(g.end(), static_cast<size_t>(g.map + g.map_bytes - g.end()));
  return g;
}

void free_guarded(const Guarded& g) {
  unpoison(g.map, g.map_bytes);
  munmap(g.map, g.map_bytes);
}

std::string place_in(const Guarded& g, const void* address, const std::string& what) {
  const char* at = static_cast<const char*>(address);
  if (at < g.begin) return std::to_string(g.begin - at) + " bytes before the begin of " + what;
  if (at >= g.end()) return std::to_string(at - g.end()) + " bytes past the end of " + what;
  return "byte " + std::to_string(at - g.begin) + " of " + what;
}

struct DeviceMemory {
  std::mutex mutex;
  std::map<const char*, Guarded> live;  // by begin
  int open = 0;                         // how many OpenDevice there are

  const Guarded* find(const void* address) const {
    auto after = live.upper_bound(static_cast<const char*>(address));
    return after == live.begin() ? nullptr : &std::prev(after)->second;
  }
  void protect(int access) const {
    for (const auto& [begin, g] : live) mprotect(g.opened(), g.opened_bytes(), access);
  }
};

DeviceMemory& device() {
  static DeviceMemory* const memory = new DeviceMemory;  // outlives every static tensor
  return *memory;
}

struct SharedSlot {
  const SharedArray* array;  // null: the dynamic part
  Guarded memory;
  bool used;  // by the running block
};

struct Multiprocessor {
  std::vector<SharedSlot> slots;  // of all kernels that have run, so that guards are set up once
  size_t declared = 0;            // bytes of the running block's own arrays
  SharedSlot* dynamic = nullptr;
};

Multiprocessor multiprocessors[2];
Multiprocessor* here = &multiprocessors[0];

std::string name_of(const SharedSlot& slot) {
  if (!slot.array) return std::to_string(slot.memory.bytes) + " bytes of dynamic shared memory";
  const SharedArray& a = *slot.array;
  return "shared array \"" + std::string(a.name) + "\" (" + a.type + ", " + where({a.file, a.line}) + ")";
}

SharedSlot& slot_for(const SharedArray* array, size_t bytes) {
  for (SharedSlot& slot : here->slots) {
    if (slot.array == array && slot.memory.bytes == bytes) return slot;
  }
  return here->slots.emplace_back(SharedSlot{array, make_guarded(bytes), false});
}

}  // namespace

void fill_poison(void* memory, size_t bytes) { fill(memory, bytes); }

void* allocate(size_t bytes) {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  const Guarded g = make_guarded(bytes);
  if (!memory.open) mprotect(g.opened(), g.opened_bytes(), PROT_NONE);
  return memory.live.emplace(g.begin, g).first->second.begin;
}

void release(void* block) {
  if (!block) return;
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  const auto found = memory.live.find(static_cast<const char*>(block));
  if (found == memory.live.end()) throw Error("release", "this is not the begin of device memory");
  free_guarded(found->second);
  memory.live.erase(found);
}

bool in_device(const void* address, size_t bytes) {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  const Guarded* g = memory.find(address);
  return g && g->holds(address, bytes);
}

const void* device_array(const void* address) {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  const Guarded* g = memory.find(address);
  return g && g->holds(address, 1) ? g->begin : nullptr;
}

OpenDevice::OpenDevice() {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  if (memory.open++ == 0) memory.protect(PROT_READ | PROT_WRITE);
}

OpenDevice::~OpenDevice() {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  if (--memory.open == 0) memory.protect(PROT_NONE);
}

namespace {

void check_copied(const void* address, size_t bytes) {
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  const Guarded* g = memory.find(address);
  if (!g || !g->holds(address, 0) || g->holds(address, bytes)) return;  // host memory, or all of it within
  throw Error("copy", std::to_string(bytes) + " bytes leave their device allocation of " + std::to_string(g->bytes));
}

}  // namespace

void copy(void* to, const void* from, size_t bytes) {
  check_copied(to, bytes), check_copied(from, bytes);
  const OpenDevice open;
  if (bytes) __builtin_memmove(to, from, bytes);
}

void set_bytes(void* memory, int value, size_t bytes) {
  check_copied(memory, bytes);
  const OpenDevice open;
  if (bytes) __builtin_memset(memory, value, bytes);
}

std::string damaged_device() {
  if (with_asan) return {};  // reported at the access
  DeviceMemory& memory = device();
  std::lock_guard lock(memory.mutex);
  for (const auto& [begin, g] : memory.live) {
    if (slack_is_whole(g)) continue;
    fill_slack(g);  // reported once
    return "a write just outside a device allocation of " + std::to_string(g.bytes) + " bytes";
  }
  return {};
}

void begin_shared(int multiprocessor, size_t dynamic_bytes) {
  const Quiet quiet;
  here = &multiprocessors[multiprocessor];
  for (SharedSlot& slot : here->slots) slot.used = false;
  here->declared = 0;
  here->dynamic = nullptr;
  if (!dynamic_bytes) return;
  SharedSlot& slot = slot_for(nullptr, dynamic_bytes);
  slot.used = true;
  fill(slot.memory.begin, dynamic_bytes);
  here->dynamic = &slot;
}

void* shared_array(const SharedArray& array) {
  const Quiet quiet;
  for (const SharedSlot& slot : here->slots) {
    if (slot.array == &array && slot.used) return slot.memory.begin;
  }
  here->declared += array.bytes;
  if (here->declared > static_shared_limit) {
    throw Error("shared memory", "more than 48 KB of shared arrays; larger ones must be dynamic",
                {array.file, array.line});
  }
  const ptrdiff_t dynamic = here->dynamic ? here->dynamic - here->slots.data() : -1;
  SharedSlot& slot = slot_for(&array, array.bytes);
  if (dynamic >= 0) here->dynamic = &here->slots[static_cast<size_t>(dynamic)];  // the vector may have moved
  slot.used = true;
  fill(slot.memory.begin, array.bytes);
  return slot.memory.begin;
}

void* dynamic_shared() {
  const Quiet quiet;
  if (!here->dynamic) throw Error("shared memory", "the launch asked for no dynamic shared memory");
  return here->dynamic->memory.begin;
}

bool in_shared(const void* address, size_t bytes) {
  for (const SharedSlot& slot : here->slots) {
    if (slot.used && slot.memory.holds(address, bytes)) return true;
  }
  return false;
}

std::string damaged_shared() {
  if (with_asan) return {};
  for (const SharedSlot& slot : here->slots) {
    if (!slot.used || slack_is_whole(slot.memory)) continue;
    fill_slack(slot.memory);
    return "a write just outside " + name_of(slot);
  }
  return {};
}

std::string describe_address(const void* address) {
  constexpr ptrdiff_t near = 1 << 20;
  const char* at = static_cast<const char*>(address);
  std::string nearest;
  ptrdiff_t distance = near;
  const auto consider = [&](const Guarded& g, const std::string& what) {
    const ptrdiff_t away = at < g.begin ? g.begin - at : at >= g.end() ? at - g.end() : 0;
    if (away < distance) distance = away, nearest = place_in(g, address, what);
  };
  for (const SharedSlot& slot : here->slots) {
    if (slot.used) consider(slot.memory, name_of(slot));
  }
  for (const auto& [begin, g] : device().live) {
    consider(g, "a device allocation of " + std::to_string(g.bytes) + " bytes");
  }
  return nearest.empty() ? "no device or shared memory is anywhere near" : nearest;
}

}  // namespace limbic::emu
