// SPDX-License-Identifier: Apache-2.0
// Opening a stranger's file without hanging on it, and putting a stranger's text on one line.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace limbic {

/// An open regular file; closes itself.
struct InputFile {
  int fd = -1;
  int64_t size = 0;
  InputFile() = default;
  InputFile(InputFile&& other) noexcept : fd(std::exchange(other.fd, -1)), size(other.size) {}
  InputFile& operator=(InputFile&& other) noexcept {
    std::swap(fd, other.fd);
    std::swap(size, other.size);
    return *this;
  }
  ~InputFile();

  /// Reads exactly `count` bytes at `offset`; false where the file ends before or cannot be read.
  bool read_at(int64_t offset, void* to, size_t count) const;
};

/// Opens `path` for reading if it is a regular file with something in it. Otherwise fd is -1 and `found` says what is
/// there instead: "no such file", "a directory", "a FIFO", ...: never blocks on a FIFO or a device.
InputFile open_input(const std::string& path, std::string& found);

/// `text` as valid UTF-8 without control characters ('?' in their place), so that it fits one line and any JSON.
std::string clean_text(std::string_view text, bool keep_newlines = false);

}  // namespace limbic
