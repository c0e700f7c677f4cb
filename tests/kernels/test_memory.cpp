// SPDX-License-Identifier: Apache-2.0
#include "kernels/memory.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <new>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace limbic;

TEST_CASE("blocks of sizes that are no longer asked for do not pile up in the pool") {
  trim_memory();
  reset_memory_peak();
  constexpr size_t step = size_t{1} << 16, largest = 64 * step;
  for (size_t bytes = step; bytes <= largest; bytes += step) host_release(host_allocate(bytes), bytes);
  const MemoryUse use = memory_use();
  CHECK(use.peak - use.live <= static_cast<int64_t>(largest + largest / 8));
  CHECK(use.cached <= 2 * use.peak);  // all of them together are many times the largest
  trim_memory();
  CHECK(memory_use().cached == 0);
}

#ifndef LIMBIC_SANITIZED  // their allocators do not return null, and the pool keeps nothing
TEST_CASE("where the system has no more memory, cached blocks are given back before bad_alloc") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // 0: as it should be
    constexpr size_t mib = size_t{1} << 20;
    trim_memory();
    const int64_t live = memory_use().live;
    host_release(host_allocate(300 * mib), 300 * mib);
    const rlimit limit{500 * mib, 500 * mib};  // of data: 400 MiB fit only without the 300 that are kept
    if (setrlimit(RLIMIT_DATA, &limit) != 0) _exit(1);
    try {
      void* const block = host_allocate(400 * mib);
      if (memory_use().cached != 0) _exit(2);
      host_release(block, 400 * mib);
    } catch (const std::bad_alloc&) {
      _exit(3);
    }
    try {
      host_allocate(600 * mib);
      _exit(4);
    } catch (const std::bad_alloc&) {
    }
    if (memory_use().live != live) _exit(5);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif
