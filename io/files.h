// SPDX-License-Identifier: Apache-2.0
// Files of our own: written whole or not at all, mapped for reading, cached where the system wants caches.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace limbic {

/// Throws Error(usage) where `path` exists and `force` is not set: an output never replaces a file unasked.
void refuse_overwrite(const std::string& path, bool force);

/// A file that appears under its name only when it is complete. Write to `temporary()`, in the same folder, then
/// commit: fsync, rename, fsync of the folder. Without a commit, the destructor removes what was written.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::string& temporary() const { return temporary_; }

  /// Throws Error(failure), or Error(resource) where the disk is full. A file that is not `durable` may be missing or
  /// damaged after a power cut: no fsync.
  void commit(bool durable = true);

 private:
  std::string path_, temporary_;
};

/// Writes `content` atomically. Throws Error(usage) where `path` exists and `force` is not set, Error(failure) where it
/// cannot be written, Error(resource) where the disk is full.
void write_file(const std::string& path, std::string_view content, bool force = false);

/// All of a file, which may be empty. Throws Error(code) where it cannot be read.
std::string read_text(const std::string& path, ExitCode code);

/// A whole regular file in memory, read-only; never blocks on a FIFO. Throws Error(weights) where it cannot be read.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Removes what processes that were killed left of their AtomicFiles in `folder`.
void remove_unfinished(const std::string& folder);

/// $XDG_CACHE_HOME/limbic; ~/.cache/limbic where that is unset or, as its specification says, relative; empty without a
/// home. It need not exist yet.
std::filesystem::path cache_folder();

}  // namespace limbic
