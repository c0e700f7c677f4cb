// SPDX-License-Identifier: Apache-2.0
#include "tools/training/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "tools/verb.h"

namespace limbic {

void ProgressLine::show(const std::string& line) {
  if (quiet_) return;
  const bool terminal = stderr_is_terminal();
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (terminal ? std::chrono::milliseconds(200) : std::chrono::seconds(30))) return;
  last_ = now;
  fmt::print(stderr, "{}{}{}", terminal ? "\r\033[K" : "", line, terminal ? "" : "\n");
  std::fflush(stderr);
  open_ = terminal;
}

void ProgressLine::note(const std::string& line) {
  if (quiet_) return;
  fmt::print(stderr, "{}{}\n", open_ ? "\r\033[K" : "", line);
  open_ = false;
}

}  // namespace limbic
