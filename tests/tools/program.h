// SPDX-License-Identifier: Apache-2.0
// Runs the program as a user does: a shell command in a scratch folder, its output and its exit code.
#pragma once
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace limbic_test {

struct Run {
  int code;
  std::string out, err;
};

/// A folder that goes when the test ends, in which commands run; `limbic` is on the PATH.
class Scratch {
 public:
  Scratch()
      : folder_(std::filesystem::temp_directory_path() /
                ("limbic-test-" + std::to_string(getpid()) + "-" + std::to_string(next()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() { std::filesystem::remove_all(folder_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  Run run(const std::string& command, int limit_s = 180) const {
    std::ofstream(folder_ / ".command") << "PATH=\"" LIMBIC_BUILD_DIR ":$PATH\"\ncd '" << folder_.string() << "'\n"
                                        << command << "\n";
    const std::string line = "timeout " + std::to_string(limit_s) + " bash '" + (folder_ / ".command").string() +
                             "' >'" + (folder_ / ".out").string() + "' 2>'" + (folder_ / ".err").string() +
                             "' </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(".out"), read(".err")};
  }

  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  static int next() {
    static int count = 0;
    return count++;
  }
  std::filesystem::path folder_;
};

}  // namespace limbic_test
