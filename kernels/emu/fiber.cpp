// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/fiber.h"

#include <cstdint>
#include <new>

#include <sys/mman.h>

#include "kernels/emu/sanitizers.h"

#if !defined(__x86_64__)
#error "the switch below is written for x86-64"
#endif

extern "C" void limbic_emu_switch(void** save_stack_pointer, void* load_stack_pointer);

// Six registers survive a call by convention; with the return address they are all that a parked fiber needs.
asm(R"(
.text
.type limbic_emu_switch,@function
limbic_emu_switch:
  .cfi_startproc
  push %rbp
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset rbp, 0
  push %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset rbx, 0
  push %r12
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r12, 0
  push %r13
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r13, 0
  push %r14
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r14, 0
  push %r15
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r15, 0
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .cfi_endproc
.size limbic_emu_switch, .-limbic_emu_switch
)");

namespace limbic::emu {
namespace {

constexpr size_t page = 4096;
constexpr size_t stack_size = (sanitized ? 256 : 64) << 10;
constexpr size_t saved_registers = 6;

Fiber* left = nullptr;  // the fiber that the last switch stopped

/// On the new stack: says so, and learns the bounds of the old one (of a thread's own stack nobody else knows them).
void arrived([[maybe_unused]] void* fake_stack) {
#ifdef LIMBIC_EMU_ASAN
  const void* bottom = nullptr;
  __sanitizer_finish_switch_fiber(fake_stack, &bottom, &left->stack_bytes);
  left->stack = static_cast<const char*>(bottom);
#endif
}

}  // namespace

char* fresh_top(const Fiber& fiber) {
  // Stacks a power of two apart would all live in the same few sets of the cache: start each at another line.
  const size_t colour = reinterpret_cast<uintptr_t>(fiber.stack) / stack_size * 832 % page / 64 * 64;
  return const_cast<char*>(fiber.stack) + fiber.stack_bytes - 64 - colour;
}

void prepare(Fiber& fiber, size_t slot, void (*entry)()) {
  if (!fiber.stack) {
    constexpr size_t pool_slots = 2048;
    static char* const pool = static_cast<char*>(mmap(nullptr, pool_slots * stack_size, PROT_READ | PROT_WRITE,
                                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (pool == MAP_FAILED || slot >= pool_slots) throw std::bad_alloc();
    mprotect(pool + slot * stack_size, page, PROT_NONE);
    fiber.stack = pool + slot * stack_size + page;
    fiber.stack_bytes = stack_size - page;
  }
  unpoison(fiber.stack, fiber.stack_bytes);
  fiber.fake_stack = nullptr;
  void** top = reinterpret_cast<void**>(fresh_top(fiber));
  *--top = nullptr;  // the return address of entry(): none, and where debuggers stop
  *--top = reinterpret_cast<void*>(entry);
  for (size_t i = 0; i < saved_registers; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
}

void fiber_entered() { arrived(nullptr); }

void switch_fiber(Fiber& from, Fiber& to) {
  left = &from;
#ifdef LIMBIC_EMU_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.stack_bytes);
#endif
  limbic_emu_switch(&from.stack_pointer, to.stack_pointer);
  arrived(from.fake_stack);
}

bool overflowed(const Fiber& fiber, const void* address) {
  const char* at = static_cast<const char*>(address);
  return fiber.stack && at < fiber.stack && at >= fiber.stack - page;
}

}  // namespace limbic::emu
