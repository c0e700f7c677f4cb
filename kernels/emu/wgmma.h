// SPDX-License-Identifier: Apache-2.0
// What the matrix instructions of a warpgroup mean (PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions"; the
// layouts of operands as CUTLASS's mma_sm90_desc.hpp has them). ptx.h describes each.
//
// The 128 threads meet at each of them. A product is computed as late as it may: when its group is waited for, from
// what shared memory holds then. Until then its accumulators read as NaN, and no bulk copy may overwrite its operands.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/emu/error.h"

namespace limbic::emu {

/// Where a tile begins in dynamic shared memory; throws Error where a descriptor could not say so.
uint32_t offset_of_wgmma_tile(const void* tile, uint32_t next_block, Location at);
void emulate_wgmma_fence(float* d, Location at);
/// `d` holds columns / 2 floats; a and b are descriptors, of operands whose rows or columns are neighbours (`mn`) or
/// whose depth is.
void emulate_wgmma(float* d, int columns, uint64_t a, bool a_mn, uint64_t b, bool b_mn, Location at);
void emulate_wgmma_commit(Location at);
void emulate_wgmma_wait(int groups_left, Location at);

// For the scheduler.

void begin_warpgroups();
/// A thread returns; throws Error where its warpgroup needs it.
void leave_warpgroup(unsigned rank);

// For mbarrier.cpp.

/// Does a product that nobody has waited for read one of these bytes?
bool is_read_by_wgmma(const void* shared, size_t bytes);

}  // namespace limbic::emu
