// SPDX-License-Identifier: Apache-2.0
// Runs a kernel: blocks one after another, the threads of a block as fibers that take turns.
//
// A thread that returns without ever waiting gives its fiber to the next one, so that a kernel without barriers is a
// plain loop. A thread that waits parks its fiber, and another goes on. Everything that threads do together (barriers,
// shuffles, votes, tensor-core instructions) is a meeting: each leaves a pointer to its arguments, and the last to
// arrive computes for all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/emu/error.h"

namespace limbic::emu {

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned along_x = 1, unsigned along_y = 1, unsigned along_z = 1)
      : x(along_x), y(along_y), z(along_z) {}
};

// What a running thread knows of itself. Plain objects, so that a debugger prints them and breaks on them.
inline constinit uint3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};
inline constinit dim3 blockDim, gridDim;
constexpr int warpSize = 32;
constexpr size_t max_shared = 227 << 10;  ///< dynamic shared memory a block: an H200's

/// In which order blocks, and the ready threads of a block, get their turn. A kernel that is right gives the same
/// result in every order.
enum class Order { forward, reverse, random };
struct Options {
  Order order = Order::forward;
  uint64_t seed = 1;  ///< of the random order; every error names it
};
/// Set here, or by LIMBIC_EMU_ORDER (forward, reverse, random) and LIMBIC_EMU_SEED.
Options& options();

/// Added up over all launches.
struct Statistics {
  uint64_t launches = 0, blocks = 0, threads = 0, switches = 0;
};
Statistics& statistics();

struct Launch {
  const char* kernel;
  Location at;
  dim3 grid, block;
  size_t shared_bytes;  ///< dynamic shared memory
  const char* type;     ///< typeid(Named<kernel>).name(): the kernel with its template arguments
};

/// A type for each kernel.
template <auto kernel>
struct Named {};

/// Has `tell` called before each launch; null: nobody. Where `tell` says false the launch does nothing.
void tell_of_launches(bool (*tell)(const Launch&));

/// Calls thread(context) once per CUDA thread. Throws Error at the first rule that is broken; the launch ends there.
void run(const Launch& launch, void (*thread)(const void* context), const void* context);

/// __syncthreads() and its counting forms. Returns how many threads came with `predicate`.
int block_barrier(const char* op, bool predicate, Location at);

/// Combines what the lanes in `lanes` brought: arguments[i] is lane i's.
using Combine = void (*)(void* const* arguments, uint32_t lanes);

struct Collective {
  const char* op;
  Combine combine = nullptr;
  bool aligned = false;  ///< all 32 lanes, at one place in the source
  bool fence = false;    ///< orders memory among the lanes
};
/// Waits for all lanes of `mask` that have not returned, then combines.
void warp_collective(const Collective& what, uint32_t mask, void* argument, Location at);

unsigned lane_id();

// For what more than a warp does together, and out of turn (mbarrier.cpp, wgmma.cpp). A frame that waits holds no memory
// of its own, and one Quiet: after an error it is never gone on with.
unsigned threads_of_block();
void begin_waiting(const char* op, Location at);
void wait_for_turn();  ///< returns when somebody has called wake() and the turn has come
void wake(unsigned rank);

/// cp.async: the bytes move when they are waited for; until then the target reads as NaN.
void copy_later(void* shared, const void* global, unsigned bytes, unsigned bytes_read, Location at);
void commit_copies();
void wait_for_copies(int groups_left);

}  // namespace limbic::emu
