// SPDX-License-Identifier: Apache-2.0
#include "tools/training/run_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "engine/error.h"
#include "io/cache.h"
#include "io/files.h"

namespace limbic {
namespace fs = std::filesystem;

std::string data_identity(const std::vector<const std::vector<Example>*>& sides) {
  ContentHash hash;
  for (const auto* side : sides) {
    for (const auto& example : *side)
      hash.add(example.clip).add(example.sound).add(example.group).add(std::to_string(example.label));
    hash.add("|");
  }
  return hash.hex();
}

void check_folder(const std::string& out) {
  std::error_code error;
  fs::path there = fs::absolute(out);
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, error))
    throw Error(ExitCode::usage,
                fmt::format("--out {}: found a file, {}; expected a folder, or nothing", out, there.string()));
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    throw Error(ExitCode::usage, fmt::format("--out {}: {}: {}", out, there.string(), std::strerror(errno)));
}

void claim_folder(const std::string& out, const std::string& recipe, const std::string& identity) {
  const std::string path = out + "/recipe.toml", data = fmt::format("# data {}", identity);
  std::error_code error;
  if (fs::create_directories(out, error); error)
    throw Error(ExitCode::usage, fmt::format("--out {}: {}", out, error.message()));
  if (!fs::exists(path)) {
    write_file(path, data + "\n" + recipe, true);
    return;
  }
  const std::string text = read_text(path, ExitCode::failure), data_before = text.substr(0, text.find('\n'));
  const auto refuse = [&](const char* what, const std::string& found, const std::string& wanted) {
    throw Error(ExitCode::usage,
                fmt::format("{}: holds a run of {}: found \"{}\", this one is \"{}\"; give another --out", out, what,
                            found, wanted));
  };
  if (data_before != data) refuse("other data", data_before, data);
  // Read and written again, so that a run goes on under a limbic that knows more keys than the one that began it.
  std::istringstream before(recipe_text(parse_recipe(text, path))), now(recipe);
  for (std::string old_line, new_line;; old_line.clear(), new_line.clear()) {
    const bool more_before = !!std::getline(before, old_line), more_now = !!std::getline(now, new_line);
    if (!more_before && !more_now) return;
    if (old_line != new_line) refuse("another recipe", old_line, new_line);
  }
}

}  // namespace limbic
