// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/source.h"

#include <cstdio>
#include <fstream>

#include "engine/error.h"
#include "tools/inputs.h"

namespace limbic {

std::string source_path(const std::string& file) {
  const std::string path = find_data_file("kernels/" + file);
  if (path.empty()) throw Error(ExitCode::failure, "kernels: the sources are not beside the program: no kernels/" + file);
  return path;
}

std::vector<std::string> source_lines(const std::string& file) {
  std::ifstream in(source_path(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string opening_of(const std::string& file) {
  std::string text;
  for (const std::string& line : source_lines(file)) {
    if (line.starts_with("// SPDX")) continue;
    if (!line.starts_with("//")) break;
    text += line.substr(line.starts_with("// ") ? 3 : 2) + "\n";
  }
  return text;
}

int body_line(const std::vector<std::string>& lines, const std::string& kernel) {
  const size_t begin = kernel.find_first_not_of("( ");
  const std::string name = kernel.substr(begin, kernel.find_first_of("<,) ", begin) - begin);
  bool global = false, found = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    global |= lines[i].find("__global__") != std::string::npos;
    const size_t at = lines[i].find(name + "(");
    found |= global && at != std::string::npos && (at == 0 || !std::isalnum(static_cast<unsigned char>(lines[i][at - 1])));
    if (!lines[i].ends_with("{") && !lines[i].ends_with("}")) continue;
    if (found) return static_cast<int>(i) + (lines[i].ends_with("{") ? 2 : 1);
    global = false;
  }
  return 0;
}

Output output_of(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (!pipe) return {"", false};
  std::string text;
  for (char part[4096]; std::fgets(part, sizeof part, pipe);) text += part;
  return {text, pclose(pipe) == 0};
}

std::string shell_word(const std::string& text) {
  if (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%") == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace limbic
