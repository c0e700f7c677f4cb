// SPDX-License-Identifier: Apache-2.0
// Host memory: a caching pool of 64-byte aligned blocks. Networks ask for the same sizes every step; the pool hands
// freed blocks out again instead of returning them to the system. It keeps at most as much as was ever in use at once.
#pragma once
#include <cstddef>
#include <cstdint>

namespace limbic {

/// At least `bytes` of uninitialised memory, 64-byte aligned (2 MiB from 4 MiB up). Throws std::bad_alloc.
void* host_allocate(size_t bytes);
void host_release(void* block, size_t bytes);  ///< `bytes` as it was asked for

struct MemoryUse {
  int64_t live = 0;    ///< bytes handed out now
  int64_t peak = 0;    ///< the most that was handed out at once
  int64_t cached = 0;  ///< bytes kept for the next request
};
MemoryUse memory_use();
void reset_memory_peak();
void trim_memory();  ///< gives cached blocks back to the system

}  // namespace limbic
