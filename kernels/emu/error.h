// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdexcept>
#include <string>

namespace limbic::emu {

/// A line of source. As a default argument it is the caller's (clang 14 lacks std::source_location).
struct Location {
  const char* file = nullptr;
  unsigned line = 0;
  static constexpr Location here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

/// "softmax_v2_warp.cu:31", without the folders.
std::string where(Location at);

/// A rule of CUDA that a kernel, or the host, broke.
struct Error : std::runtime_error {
  /// `kind` is a short name for the rule; `at` a line of the kernel, where one is known.
  Error(const std::string& kind, const std::string& text, Location at = {})
      : std::runtime_error("emu: " + kind + ": " + text + place(at)) {}
  /// The same error, and who made it.
  Error(const Error& error, const std::string& context) : std::runtime_error(error.what() + context) {}

 private:
  static std::string place(Location at);  ///< " at <where>", or nothing
};

}  // namespace limbic::emu
