// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/error.h"

#include <cstring>

namespace limbic::emu {

std::string where(Location at) {
  if (!at.file) return "an unknown place";
  const char* const slash = std::strrchr(at.file, '/');
  std::string text = slash ? slash + 1 : at.file;
  return text.append(":").append(std::to_string(at.line));
}

std::string Error::place(Location at) { return at.file ? " at " + where(at) : std::string(); }

}  // namespace limbic::emu
