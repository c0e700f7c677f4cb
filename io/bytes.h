// SPDX-License-Identifier: Apache-2.0
// A cursor over a stranger's bytes: no read past the end, every failure one line that names the file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/error.h"
#include "io/input.h"

namespace limbic {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// A stranger's text, short and clean enough for an error line.
inline std::string shown(std::string_view text) {
  return clean_text(text.size() > 80 ? std::string(text.substr(0, 77)) + "..." : std::string(text));
}

class ByteCursor {
 public:
  ByteCursor(Bytes bytes, std::string where, size_t position = 0, ExitCode code = ExitCode::weights)
      : bytes_(bytes), where_(std::move(where)), position_(position), code_(code) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }
  const std::string& where() const { return where_; }

  Bytes take(size_t count) {
    if (count > left())
      fail("ends too early: " + std::to_string(count) + " more bytes expected, found " + std::to_string(left()));
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }
  template <class T>
  T number() {  // little-endian
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  /// Throws Error(code): "FILE: byte N: WHAT".
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(code_, where_ + ": byte " + std::to_string(position_) + ": " + what);
  }

 private:
  Bytes bytes_;
  std::string where_;
  size_t position_;
  ExitCode code_;
};

}  // namespace limbic
