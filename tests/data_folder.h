// SPDX-License-Identifier: Apache-2.0
// Where the data that is not part of the repository lies: LIMBIC_DATA and LIMBIC_GOLDEN, else ../shared/data and
// ../shared/golden beside the source tree.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

/// A path below the folder that `variable` names; "" where it is absent: tests say so with WARN and go on, so that the
/// log counts what was skipped.
inline std::string outside_file(const char* variable, const char* usual, const std::string& name) {
  const char* folder = std::getenv(variable);
  const std::filesystem::path path = std::filesystem::path(folder ? folder : usual) / name;
  if (std::filesystem::exists(path)) return path.string();
  WARN("skipped: no " << path.string() << " (" << variable << " names the folder)");
  return "";
}

inline std::string data_file(const std::string& name) {
  return outside_file("LIMBIC_DATA", LIMBIC_SOURCE_DIR "/../shared/data", name);
}
inline std::string golden_file(const std::string& name) {
  return outside_file("LIMBIC_GOLDEN", LIMBIC_SOURCE_DIR "/../shared/golden", name);
}
