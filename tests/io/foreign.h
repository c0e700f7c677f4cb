// SPDX-License-Identifier: Apache-2.0
// What the tests of foreign files share: making them, spoiling them, and the error each must end in.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>

#include "engine/error.h"

namespace limbic {

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// `bytes` with a few of them changed, the same ones for the same `seed`.
inline std::string mutated(std::string bytes, uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  const auto next = [&] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
  };
  const size_t changes = 1 + next() % 8;
  // Most of a file is payload; its structure stands at the front.
  const size_t reach = next() % 2 ? bytes.size() : std::min<size_t>(bytes.size(), 2048);
  for (size_t i = 0; i < changes; ++i)
    bytes[next() % reach] = next() % 3 ? static_cast<char>(next()) : (next() % 2 ? '\xff' : '\0');
  return bytes;
}

/// The text of the Error that `call` must throw, on one line and with this exit code.
template <class Call>
std::string error_of(ExitCode code, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string text = error.what();
    INFO(text);
    CHECK(error.code == code);
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  FAIL("no error");
  return "";
}

/// Takes what this program and its children write to stderr, until it is asked for.
class CapturedStderr {
 public:
  explicit CapturedStderr(const std::string& path) : path_(path), before_(::dup(STDERR_FILENO)) {
    const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE((before_ >= 0 && file >= 0));
    ::dup2(file, STDERR_FILENO);
    ::close(file);
  }
  ~CapturedStderr() { restore(); }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  std::string text() {
    restore();
    return read_bytes(path_);
  }

 private:
  void restore() {
    if (before_ < 0) return;
    ::dup2(before_, STDERR_FILENO);
    ::close(std::exchange(before_, -1));
  }
  std::string path_;
  int before_;
};

/// The function that holds a frame "#2 0x55.. (/path/limbic-reader-hdf5+0xb7fec)": a confined process cannot ask for names.
inline std::string function_of_frame(const std::string& frame) {
  const size_t open = frame.find('('), plus = frame.rfind("+0x"), close = frame.rfind(')');
  REQUIRE((open < plus && plus < close && close != std::string::npos));
  const std::string command = "addr2line -f -e '" + frame.substr(open + 1, plus - open - 1) + "' " +
                              frame.substr(plus + 1, close - plus - 1);
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char name[256] = "";
  const bool named = std::fgets(name, sizeof name, pipe) != nullptr;
  const int status = ::pclose(pipe);
  INFO(command);
  REQUIRE((named && status == 0));
  return name;
}

/// How many of a reader's crashes that a sanitizer reported in `text` lie in functions whose names start with `prefix`,
/// as in "H5"; fails where one is ours. The innermost frame that is neither the sanitizer's nor the C library's is to blame.
inline int crashes_in(const std::string& prefix, const std::string& text) {
  CHECK(text.find("runtime error") == std::string::npos);  // UndefinedBehaviorSanitizer sees our code only
  int crashes = 0;
  bool open = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("==ERROR: ") != std::string::npos) {
      CHECK_FALSE(open);
      open = true;
    } else if (open && line.find("/limbic-reader") != std::string::npos) {
      CHECK_THAT(function_of_frame(line), Catch::StartsWith(prefix));
      ++crashes;
      open = false;
    }
  }
  INFO(text);
  CHECK_FALSE(open);
  return crashes;
}

/// Sets an environment variable for a scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

}  // namespace limbic
