// SPDX-License-Identifier: Apache-2.0
// What the compiler calls in code built with -fsanitize=thread and -fsanitize-coverage=trace-pc. No sanitizer is
// linked: these functions stand for its run time.
#include "kernels/emu/counters/hooks.h"

#include <atomic>
#include <cstring>

#include "kernels/emu/counters.h"
#include "kernels/emu/emu.h"

using namespace limbic::emu;

#define HERE __builtin_return_address(0)
#define HOOKS(bytes)                                                                          \
  void __tsan_read##bytes(void* at) { note_access(Access::read, at, bytes, HERE); }           \
  void __tsan_write##bytes(void* at) { note_access(Access::write, at, bytes, HERE); }         \
  void __tsan_unaligned_read##bytes(void* at) { note_access(Access::read, at, bytes, HERE); } \
  void __tsan_unaligned_write##bytes(void* at) { note_access(Access::write, at, bytes, HERE); }
#define ADDS(bits, type)                                                           \
  type __tsan_atomic##bits##_fetch_add(type* at, type value, int) {                \
    note_access(Access::atomic, at, bits / 8, HERE);                               \
    return std::atomic_ref<type>(*at).fetch_add(value, std::memory_order_relaxed); \
  }

namespace {

void note_copy(const void* to, const void* from, size_t bytes, void* code) {
  note_access(Access::read, from, bytes, code);
  note_access(Access::write, to, bytes, static_cast<char*>(code) + 1);
}

}  // namespace

extern "C" {
void __sanitizer_cov_trace_pc() { note_block(HERE); }

// clang-format off
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
ADDS(32, uint32_t) ADDS(64, uint64_t)
// clang-format on

void __tsan_read_range(void* at, size_t bytes) { note_access(Access::read, at, bytes, HERE); }
void __tsan_write_range(void* at, size_t bytes) { note_access(Access::write, at, bytes, HERE); }

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

// clang calls these instead of memcpy and its kin.
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  note_copy(to, from, bytes, HERE);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, size_t bytes) {
  note_copy(to, from, bytes, HERE);
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
  note_access(Access::write, to, bytes, HERE);
  return std::memset(to, value, bytes);
}
}

void limbic::emu::copy_vector(void* to, const void* from, size_t bytes) {
  note_copy(to, from, bytes, HERE);
  std::memcpy(to, from, bytes);
}
