// SPDX-License-Identifier: Apache-2.0
// Where the reference files lie that are too large for the repository.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

namespace limbic {

/// LIMBIC_GOLDEN, else shared/golden beside the source tree; empty where neither is there.
inline std::string golden_folder() {
  const char* set = std::getenv("LIMBIC_GOLDEN");
  const std::filesystem::path folder = set != nullptr ? set : LIMBIC_SOURCE_DIR "/../shared/golden";
  return std::filesystem::is_directory(folder) ? folder.string() : "";
}

}  // namespace limbic
