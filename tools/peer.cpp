// SPDX-License-Identifier: Apache-2.0
#include "tools/peer.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "engine/error.h"

namespace limbic {

Peer::Peer(const std::vector<std::string>& arguments) {
  int down[2], up[2];
  if (pipe(down) || pipe(up)) throw Error(ExitCode::resource, "bench: no pipe to the peer");
  child_ = fork();
  if (child_ == 0) {
    dup2(down[0], STDIN_FILENO);
    dup2(up[1], STDOUT_FILENO);
    for (int fd : {down[0], down[1], up[0], up[1]}) close(fd);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
  for (;;) {
    std::istringstream line(read_line());
    std::string name;
    line >> name;
    if (name == "ready") {
      line >> version_;
      return;
    }
    for (std::string setting; line >> setting;) settings_[name].push_back(setting);
  }
}

Peer::~Peer() {
  if (to_) fclose(to_);
  if (from_) fclose(from_);
  if (child_ > 0) {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }
}

std::vector<std::string> Peer::settings(const std::string& workload) const {
  const auto it = settings_.find(workload);
  return it == settings_.end() ? std::vector<std::string>{} : it->second;
}

double Peer::run(const std::string& workload, const std::string& setting) {
  fmt::print(to_, "{} {}\n", workload, setting);
  fflush(to_);
  return std::strtod(read_line().c_str(), nullptr);
}

std::string Peer::read_line() {
  char buffer[4096];
  if (!from_ || !fgets(buffer, sizeof buffer, from_)) {
    throw Error(ExitCode::failure, "bench: the peer stopped; does this Python have torch? (bench --python PATH)");
  }
  return buffer;
}

}  // namespace limbic
