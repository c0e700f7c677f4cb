// SPDX-License-Identifier: Apache-2.0
// One line on stderr about what is going on: redrawn on a terminal, one now and then elsewhere.
#pragma once
#include <chrono>
#include <string>

namespace limbic {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : quiet_(quiet) {}
  void show(const std::string& line);  ///< may be dropped when the last one is too fresh
  void note(const std::string& line);  ///< always a line of its own

 private:
  bool quiet_;
  bool open_ = false;  // a line on the terminal waits to be redrawn
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace limbic
