// SPDX-License-Identifier: Apache-2.0
// Where the data that is not part of the repository lies: LIMBIC_DATA, else ../shared/data beside the source tree.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

/// The file's path, or "" where it is absent: tests say so with WARN and go on, so that the log counts what was
/// skipped.
inline std::string data_file(const std::string& name) {
  const char* folder = std::getenv("LIMBIC_DATA");
  const std::filesystem::path path =
      (folder ? std::filesystem::path(folder) : std::filesystem::path(LIMBIC_SOURCE_DIR) / ".." / "shared" / "data") /
      name;
  if (std::filesystem::exists(path)) return path.string();
  WARN("skipped: no " << path.string());
  return "";
}
