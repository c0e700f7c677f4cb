// SPDX-License-Identifier: Apache-2.0
// A peer in a race: a child process that runs a workload once for each line it is sent, and answers with its time.
#pragma once
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace limbic {

class Peer {
 public:
  /// Starts `arguments` and reads its settings, up to the line `ready VERSION`. Throws Error where it does not get
  /// there.
  explicit Peer(const std::vector<std::string>& arguments);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const std::string& version() const { return version_; }
  std::vector<std::string> settings(const std::string& workload) const;
  double run(const std::string& workload, const std::string& setting);  ///< milliseconds of one run

 private:
  std::string read_line();
  pid_t child_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::string version_;
  std::map<std::string, std::vector<std::string>> settings_;
};

}  // namespace limbic
