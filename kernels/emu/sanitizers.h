// SPDX-License-Identifier: Apache-2.0
// What the emulator tells the sanitizers. Its own files are compiled without -fsanitize=thread (LIMBIC_EMU_TSAN stands
// for it): the scheduler's reads and writes are no business of the kernel under test.
#pragma once
#include <cstddef>

#ifdef __SANITIZE_ADDRESS__
#define LIMBIC_EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMBIC_EMU_ASAN 1
#endif
#endif

#ifdef LIMBIC_EMU_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef LIMBIC_EMU_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_read_range(void* address, unsigned long bytes);
void __tsan_write_range(void* address, unsigned long bytes);
}
#endif

namespace limbic::emu {

#ifdef LIMBIC_EMU_ASAN
constexpr bool with_asan = true;
inline void poison(const void* at, size_t bytes) { __asan_poison_memory_region(at, bytes); }
inline void unpoison(const void* at, size_t bytes) { __asan_unpoison_memory_region(at, bytes); }
#else
constexpr bool with_asan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
#endif

#ifdef LIMBIC_EMU_TSAN
constexpr bool with_tsan = true;
inline void end_ignoring() {
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
/// Memory written before release(token) is seen after acquire(token).
inline void acquire(char& token) { __tsan_acquire(&token); }
inline void release(char& token) { __tsan_release(&token); }
inline void note_read(const void* at, size_t bytes) { __tsan_read_range(const_cast<void*>(at), bytes); }
inline void note_write(void* at, size_t bytes) { __tsan_write_range(at, bytes); }
/// While one lives, ThreadSanitizer looks away: the memory that is touched belongs to the emulator.
struct Quiet {
  Quiet() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Quiet() { end_ignoring(); }
  Quiet(const Quiet&) = delete;
};
#else
constexpr bool with_tsan = false;
inline void acquire(char&) {}
inline void release(char&) {}
inline void note_read(const void*, size_t) {}
inline void note_write(void*, size_t) {}
struct [[maybe_unused]] Quiet {
  Quiet() {}
};
#endif

constexpr bool sanitized = with_asan || with_tsan;

}  // namespace limbic::emu
