// SPDX-License-Identifier: Apache-2.0
// Runs the shell commands of every README, so that no page promises what the program does not do.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

struct Fence {
  fs::path file;
  int line;
  std::string tag;  // what follows ```sh
  std::string text;
};

std::vector<Fence> shell_fences(const fs::path& file) {
  std::vector<Fence> fences;
  std::ifstream in(file);
  bool inside = false, other = false;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.rfind("```", 0) == 0) {
      if (inside || other) {
        inside = other = false;
      } else if (line.rfind("```sh", 0) == 0) {
        inside = true;
        fences.push_back({file, number, line.size() > 6 ? line.substr(6) : "", ""});
      } else {
        other = true;
      }
    } else if (inside) {
      fences.back().text += line + "\n";
    }
  }
  return fences;
}

std::string run(const std::string& command, int& status) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  status = WEXITSTATUS(pclose(pipe));
  return output;
}

// The repository as a new user sees it, with outputs going to a scratch folder: every entry is a link.
fs::path scratch_checkout() {
  const fs::path folder = fs::temp_directory_path() / ("limbic-readme-" + std::to_string(getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder / "build");
  for (const auto& entry : fs::directory_iterator(LIMBIC_SOURCE_DIR)) {
    const std::string name = entry.path().filename();
    if (name != "build" && name != ".git") fs::create_symlink(entry.path(), folder / name);
  }
  fs::create_directory_symlink(LIMBIC_BUILD_DIR, folder / "build" / "release");
  return folder;
}

// A sanitized build has no limbic-counter: its kernels stand for a sanitizer themselves.
std::string runnable(const std::string& commands) {
#ifdef LIMBIC_SANITIZED
  static const std::regex counted("[^\n]*kernels count[^\n]*\n");
  if (std::regex_search(commands, counted)) WARN("skipped: `kernels count` in a sanitized build");
  return std::regex_replace(commands, counted, "");
#else
  return commands;
#endif
}

// The options that a verb's help lists: the words that begin a line of it.
std::set<std::string> options_of(const std::string& help) {
  std::set<std::string> options;
  const std::regex line(R"((?:^|\n)  (-[^ \n]+))"), name(R"(--?[a-z-]+)");
  for (std::sregex_iterator it(help.begin(), help.end(), line), end; it != end; ++it) {
    const std::string words = (*it)[1];
    for (std::sregex_iterator o(words.begin(), words.end(), name); o != end; ++o) options.insert(o->str());
  }
  return options;
}

// The options that a command is given.
std::vector<std::string> options_in(const std::string& command) {
  const std::regex option(R"([ \n](--?[a-z][a-z-]*))");
  std::vector<std::string> found;
  for (std::sregex_iterator it(command.begin(), command.end(), option), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

}  // namespace

TEST_CASE("an option counts only under its whole name, and only where the help lists it") {
  const std::string help =
      "Options:\n  -o,--out TEXT REQUIRED      the file; --force replaces it\n  --weights,--voice-weights TEXT\n";
  CHECK(options_of(help) == std::set<std::string>{"-o", "--out", "--weights", "--voice-weights"});
  CHECK(options_in(" a-b.wav --weight x -o y --top=3\n  --out z") ==
        std::vector<std::string>{"--weight", "-o", "--top", "--out"});
}

TEST_CASE("the commands of every README run") {
  int ran = 0;
  for (const auto& entry : fs::recursive_directory_iterator(LIMBIC_SOURCE_DIR)) {
    if (entry.path().filename() != "README.md") continue;
    if (entry.path().string().find("/build/") != std::string::npos) continue;
    const fs::path folder = scratch_checkout();  // each page starts anew
    for (const Fence& fence : shell_fences(entry.path())) {
      INFO(fence.file.string() << ":" << fence.line << "\n" << fence.text);
      int status = 0;
      if (fence.tag == "setup") continue;
      if (fence.tag.empty()) {
        std::ofstream(folder / ".command.sh") << "set -euo pipefail\n" << runnable(fence.text);
        const std::string output = run("cd '" + folder.string() + "' && bash .command.sh", status);
        INFO(output);
        CHECK(status == 0);
        ++ran;
        continue;
      }
      REQUIRE((fence.tag == "long" || fence.tag == "gpu" || fence.tag == "peer"));
      // Too long or too special to run here: the verb and its options must exist.
      const std::regex call(R"(limbic ((?:weights )?[a-z]+)((?:\\\n|[^\n|;&])*))");
      for (std::sregex_iterator it(fence.text.begin(), fence.text.end(), call), end; it != end; ++it) {
        const std::string help = run(std::string(LIMBIC_BUILD_DIR) + "/limbic " + (*it)[1].str() + " --help", status);
        INFO((*it)[0].str() << "\n" << help);
        CHECK(status == 0);
        const auto known = options_of(help);
        for (const std::string& option : options_in((*it)[2])) {
          INFO(option);
          CHECK(known.count(option) == 1);
        }
      }
    }
    fs::remove_all(folder);
  }
  CHECK(ran >= 5);
}
