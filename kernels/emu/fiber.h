// SPDX-License-Identifier: Apache-2.0
// Fibers: stacks of their own that switch in user space, a few nanoseconds each. AddressSanitizer is told of every
// change of stack; ThreadSanitizer sees each CUDA thread as a thread of its own.
#pragma once
#include <cstddef>

namespace limbic::emu {

struct Fiber {
  void* stack_pointer = nullptr;  ///< where it stopped; null: not prepared
  const char* stack = nullptr;    ///< lowest usable address, with a guard page below
  size_t stack_bytes = 0;
  void* fake_stack = nullptr;  ///< AddressSanitizer's
};

/// Gives `fiber` its stack (made on first use, number `slot` of a pool) and lets the next switch to it call entry(),
/// which never returns. What was on the stack is forgotten without being unwound.
void prepare(Fiber& fiber, size_t slot, void (*entry)());

/// Stops `from` here and goes on where `to` stopped.
void switch_fiber(Fiber& from, Fiber& to);

/// The first thing an entry() does.
void fiber_entered();

/// Is `address` in the guard page below the stack of `fiber`?
bool overflowed(const Fiber& fiber, const void* address);

/// The top of the stack, aligned as at the entry of a function.
char* fresh_top(const Fiber& fiber);

}  // namespace limbic::emu
