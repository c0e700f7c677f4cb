// SPDX-License-Identifier: Apache-2.0
// What mbarriers and bulk tensor copies mean (PTX ISA, "mbarrier", "cp.async.bulk.tensor", "Swizzling modes"). ptx.h
// describes each.
//
// A copy lands as late as it may: all those of a phase together, when nothing else is missing and a thread waits for
// it. Until then the target reads as NaN. For ThreadSanitizer an arrival happens before the end of its wait, and so
// does the landing of a copy; nothing else does.
#pragma once
#include <cstdint>
#include <string>

#include "kernels/emu/error.h"
#include "kernels/tensor_map.h"

namespace limbic::emu {

void emulate_mbarrier_init(uint64_t* barrier, uint32_t arrivals, Location at);
void emulate_mbarrier_arrive(uint64_t* barrier, uint32_t bytes_expected, Location at);
void emulate_mbarrier_wait(uint64_t* barrier, uint32_t parity, Location at);
void emulate_bulk_copy(void* shared, const TensorMap& map, int rank, const int* corner, uint64_t* barrier, Location at);

// For the scheduler.

/// A block begins: no barrier of the one before is left.
void begin_mbarriers();
/// "; the mbarrier of kernel.cu:12 lacks 1 arrival(s) and 4096 bytes" for each that somebody waits for.
std::string what_mbarriers_lack();
/// The copy that nobody has waited for at the end of its block, or "".
std::string copies_left_behind();

// For wgmma.cpp.

/// Is a copy on its way that writes one of these bytes?
bool is_copied_to(const void* shared, size_t bytes);

}  // namespace limbic::emu
