// SPDX-License-Identifier: Apache-2.0
// The one exception of limbic, and what the program's exit codes mean.
#pragma once
#include <stdexcept>
#include <string>

namespace limbic {

enum class ExitCode {
  failure = 1,   ///< anything without a code of its own
  usage = 2,     ///< a wrong argument, option, shape or recipe
  media = 3,     ///< unreadable input data
  weights = 4,   ///< unreadable or unfitting weights
  resource = 5,  ///< a limit was reached
  device = 6,    ///< a device that is asked for and not there
  check = 7,     ///< a comparison that does not hold
  partial = 8,   ///< some items of a batch failed
};

/// Thrown once, at the public op or parser. The text is one line: op or file first, then found and expected.
class Error : public std::runtime_error {
 public:
  Error(ExitCode exit_code, const std::string& text) : std::runtime_error(text), code(exit_code) {}
  ExitCode code;
};

}  // namespace limbic
