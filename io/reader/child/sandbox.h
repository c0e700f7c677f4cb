// SPDX-License-Identifier: Apache-2.0
// What a reader gives up before it looks at the file.
#pragma once
#include <string>

namespace limbic::reader {

struct Confinement {
  bool no_new_privs = false;
  bool seccomp = false;
  std::string detail;  ///< why not, where one is missing
};

/// Limits processor time, writable memory, files, processes and core dumps, and leaves only the system calls that a
/// parser of one open file needs. Called once, before the first byte of the file is read.
Confinement confine(int cpu_seconds, int data_megabytes);

}  // namespace limbic::reader
