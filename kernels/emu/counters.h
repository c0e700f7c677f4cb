// SPDX-License-Identifier: Apache-2.0
// What a kernel asks of a GPU's warps and memory, counted while the emulator runs it.
//
// A plain build counts nothing: the functions below are empty there. limbic_emu_counted and limbic_kernels_emu_counted
// are the same sources with LIMBIC_EMU_COUNTED, and the compiler puts a call (counters/hooks.cpp) at every access and
// at the begin of every basic block of the kernels.
//
// The emulator runs the threads of a warp one after another. What each did is written down and, whenever the whole warp
// meets, played back as one warp: the lanes whose next event has the lowest address in the code go on together, the
// others wait (Collange, "Stack-less SIMT reconvergence at low cost", 2011).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/emu/scheduler.h"

namespace limbic::emu {

/// Accesses to device memory.
struct DeviceTraffic {
  uint64_t requests = 0;  ///< of a warp: its lanes at one place in the code
  uint64_t bytes = 0;     ///< that the lanes asked for
  uint64_t sectors = 0;   ///< of 32 bytes that a request touches; 4 a request is as few as 32 lanes of 4 bytes can
};

/// Accesses to shared memory: 32 banks of 4 bytes; 8 bytes a lane go in two halves of a warp, 16 in four quarters.
struct SharedTraffic {
  uint64_t requests = 0, bytes = 0;
  uint64_t conflicts = 0;  ///< passes beyond the first: the most different words of one bank, less one
};

struct Flops {
  uint64_t f32 = 0, f64 = 0;  ///< additions, multiplications, divisions, roots and calls of libm; fma counts as two
};

struct Counters {
  std::string kernel;
  uint64_t launches = 0, blocks = 0, threads = 0;
  DeviceTraffic reads, writes, atomics;
  SharedTraffic shared_reads, shared_writes;
  uint64_t barriers = 0;  ///< __syncthreads() that a block passed
  uint64_t meetings = 0;  ///< of a warp: shuffles, votes, __syncwarp(), tensor-core instructions
  uint64_t steps = 0;     ///< basic blocks that a warp went through
  uint64_t lanes = 0;     ///< and how many of its lanes did, 32 a step where nothing diverges
  uint64_t divergent_branches = 0;
  std::optional<Flops> flops;  ///< none where there is no objdump to tell what a basic block computes
  uint64_t tensor_flops = 0;   ///< of mma
};

/// The sums of all launches since the last call, a kernel each, in the order of their first launch.
std::vector<Counters> take_counters();

/// Operations of the basic blocks that begin at `blocks`, in their order; none without objdump.
std::optional<std::vector<Flops>> flops_of_blocks(const std::vector<uintptr_t>& blocks);

enum class Access : uint8_t { read, write, atomic };

#ifdef LIMBIC_EMU_COUNTED
void note_launch(const Launch& launch);
void note_block_end();
void note_barrier();
void note_meeting(unsigned warp, bool of_whole_warp);
void note_tensor_flops(uint64_t flops);
/// `code` says where: two accesses of one instruction have different ones.
void note_access(Access access, const void* address, size_t bytes, const void* code);

/// While one lives, what runs is the emulator's own code.
struct Uncounted {
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;

 private:
  bool before_;
};
#else
inline void note_launch(const Launch&) {}
inline void note_block_end() {}
inline void note_barrier() {}
inline void note_meeting(unsigned, bool) {}
inline void note_tensor_flops(uint64_t) {}
inline void note_access(Access, const void*, size_t, const void*) {}
struct [[maybe_unused]] Uncounted {
  Uncounted() {}
};
#endif

/// The running thread's number in its block; -1 outside kernels. (scheduler.cpp)
int running_rank();

}  // namespace limbic::emu
