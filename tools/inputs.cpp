// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;

namespace limbic {
namespace {

bool is_media_name(const fs::path& path) {
  static const std::set<std::string> extensions = {".wav",  ".flac", ".mp3", ".mp4", ".m4a",  ".mkv",
                                                   ".webm", ".mov",  ".avi", ".ogg", ".opus", ".aac",
                                                   ".flv",  ".wma",  ".wmv", ".ts",  ".mpg"};
  std::string extension = path.extension();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extensions.count(extension) == 1;
}

std::vector<std::string> media_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && is_media_name(entry->path())) names.push_back(entry->path());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> names;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) names.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return names;
}

}  // namespace

std::vector<std::string> expand_inputs(const std::vector<std::string>& inputs) {
  std::vector<std::string> files;
  for (const std::string& input : inputs) {
    std::error_code ignored;
    std::vector<std::string> found;
    if (fs::is_directory(input, ignored)) {
      found = media_in(input);
    } else if (!fs::exists(input, ignored) && input.find_first_of("*?[") != std::string::npos) {
      found = matches(input);
    }
    if (found.empty()) found = {input};
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::string find_data_file(const std::string& relative) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return "";
  const fs::path bin = program.parent_path();
  for (const fs::path& root : {bin / ".." / "share" / "limbic", bin / ".." / ".."}) {
    const fs::path candidate = (root / relative).lexically_normal();
    if (fs::exists(candidate, error)) return candidate;
  }
  return "";
}

}  // namespace limbic
