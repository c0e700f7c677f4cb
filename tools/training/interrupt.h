// SPDX-License-Identifier: Apache-2.0
// Ctrl-C asks a run to stop where it can go on later.
#pragma once
#include <csignal>

namespace limbic {

/// While one lives, the first SIGINT or SIGTERM is only noted; a second one ends the program as ever.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int signal() const;  ///< the one that was noted; 0: none

 private:
  struct sigaction int_before_ {
  }, term_before_{};
};

}  // namespace limbic
