// SPDX-License-Identifier: Apache-2.0
// The part of ZIP that torch.save writes: stored entries, found through the central directory.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/bytes.h"

namespace limbic {

struct ZipEntry {
  Bytes content;  ///< empty where it is compressed
  uint32_t crc32 = 0;
  bool compressed = false;
};

/// Entries by name; views into `file`. Throws Error(weights) for encrypted or repeated entries, entries
/// that reach beyond the file, and local headers that contradict the central directory. `path` names the file.
std::map<std::string_view, ZipEntry> read_zip(Bytes file, const std::string& path);

/// Throws Error(weights) unless the content has the CRC-32 that the archive states.
void check_crc32(std::string_view name, const ZipEntry& entry, const std::string& path);

}  // namespace limbic
