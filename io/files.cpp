// SPDX-License-Identifier: Apache-2.0
#include "io/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "io/input.h"

namespace limbic {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(full ? ExitCode::resource : ExitCode::failure,
              fmt::format("{}: cannot {}: {}", path, what, std::strerror(error)));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

void refuse_overwrite(const std::string& path, bool force) {
  std::error_code ignored;
  if (!force && std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    throw Error(ExitCode::usage, fmt::format("{}: exists; give --force to replace it", path));
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  static std::atomic<int> count{0};
  temporary_ = fmt::format("{}.tmp-{}-{}", path_, ::getpid(), count++);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::commit(bool durable) {
  if (durable) {
    const Descriptor file{::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0 || ::fsync(file.fd) != 0) fail(path_, "write", errno);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, "write", errno);
  temporary_.clear();
  if (!durable) return;
  // The rename is durable once the folder is. Some file systems refuse fsync on folders: then it is as good as it gets.
  const Descriptor folder{::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd >= 0) ::fsync(folder.fd);
}

void write_file(const std::string& path, std::string_view content, bool force) {
  refuse_overwrite(path, force);
  AtomicFile file(path);
  {
    const Descriptor out{::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
    if (out.fd < 0) fail(path, "write", errno);
    while (!content.empty()) {
      const ssize_t written = ::write(out.fd, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path, "write", errno);
      content.remove_prefix(static_cast<size_t>(written));
    }
  }
  file.commit();
}

std::string read_text(const std::string& path, ExitCode code) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file.peek() != EOF) text << file.rdbuf();  // of nothing at all, << makes a failure
  if (!file || !text) throw Error(code, fmt::format("{}: cannot be read", path));
  return text.str();
}

MappedFile::MappedFile(const std::string& path) {
  std::string found;
  const InputFile file = open_input(path, found);
  if (file.fd < 0) throw Error(ExitCode::weights, fmt::format("{}: expected a file, found {}", path, found));
  const auto size = static_cast<size_t>(file.size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (memory == MAP_FAILED)
    throw Error(ExitCode::weights, fmt::format("{}: cannot map: {}", path, std::strerror(errno)));
  bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void remove_unfinished(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const size_t mark = name.rfind(".tmp-");
    int pid = 0, count = 0, end = 0;
    if (mark == std::string::npos || std::sscanf(name.c_str() + mark, ".tmp-%d-%d%n", &pid, &count, &end) != 2)
      continue;
    if (mark + end != name.size() || pid < 1 || ::kill(pid, 0) == 0 || errno != ESRCH) continue;
    std::filesystem::remove(entry.path(), error);
  }
}

std::filesystem::path cache_folder() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && cache[0] == '/') return std::filesystem::path(cache) / "limbic";
  if (home && home[0] == '/') return std::filesystem::path(home) / ".cache" / "limbic";
  return {};
}

}  // namespace limbic
