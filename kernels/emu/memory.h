// SPDX-License-Identifier: Apache-2.0
// Device and shared memory of the emulator. Every array ends at a page that nobody may touch, is filled with NaN when
// fresh, and device memory is closed to everybody outside kernels and copies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace limbic::emu {

/// What fresh memory holds: a NaN as a float, a wild index as an integer.
constexpr uint32_t poison_word = 0x7fa0dead;

/// Fresh device memory; throws std::bad_alloc. 0 bytes are memory too.
void* allocate(size_t bytes);
/// Throws Error where `memory` is not the start of live device memory.
void release(void* memory);

/// Copies between host and device, either way; throws Error where the device side leaves its allocation.
void copy(void* to, const void* from, size_t bytes);
void set_bytes(void* memory, int value, size_t bytes);

/// Is [address, address + bytes) part of one live allocation?
bool in_device(const void* address, size_t bytes);

/// The begin of the live allocation that `address` lies in; null: in none.
const void* device_array(const void* address);

/// Opens all device memory for as long as it lives: a kernel runs, or a copy.
struct OpenDevice {
  OpenDevice();
  ~OpenDevice();
  OpenDevice(const OpenDevice&) = delete;
};

/// A shared array as its kernel declares it.
struct SharedArray {
  const char* name;
  const char* type;
  size_t bytes;
  const char* file;
  unsigned line;
};

/// A block begins on multiprocessor 0 or 1: shared arrays are fresh again.
void begin_shared(int multiprocessor, size_t dynamic_bytes);
/// The running block's copy of `array`; throws Error beyond the 48 KB a kernel may declare.
void* shared_array(const SharedArray& array);
void* dynamic_shared();
bool in_shared(const void* address, size_t bytes);

/// Writes before the begin (or in the last, unaligned bytes) of an array: what was damaged, or "".
std::string damaged_shared();
std::string damaged_device();

void fill_poison(void* memory, size_t bytes);

/// What stands at or near `address`, as a text for an error: "4 bytes past the end of float tile[32] (file:line)".
std::string describe_address(const void* address);

}  // namespace limbic::emu
