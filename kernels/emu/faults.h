// SPDX-License-Identifier: Apache-2.0
// A kernel that leaves its memory meets a guard page. The signal becomes an Error of the launch; the same signal from
// host code that touched device memory gets a line of explanation before the program ends.
#pragma once
#include <string>

#include "kernels/emu/fiber.h"

namespace limbic::emu {

/// Installs the signal handler, once per thread.
void catch_faults();

/// What the thread that faulted last touched, and in which line; "" where none did. Forgets it.
std::string take_fault();

/// To stderr, whose turn it is; nothing outside kernels.
void print_context();

// The scheduler's side.
const Fiber* running_fiber();        ///< null: no kernel runs
std::string running_context();       ///< kernel, block, thread
[[noreturn]] void abandon_thread();  ///< back to the launch, never to return

}  // namespace limbic::emu
