// SPDX-License-Identifier: Apache-2.0
#include "io/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "engine/error.h"
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

void AtomicFile::commit() {
  {
    const Descriptor file{::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0 || ::fsync(file.fd) != 0) fail(path_, "write", errno);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, "write", errno);
  temporary_.clear();
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

std::filesystem::path cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  // The specification ignores a relative XDG_CACHE_HOME.
  if (cache != nullptr && cache[0] == '/') {
    folder = cache;
  } else if (home != nullptr && home[0] != '\0') {
    folder = std::filesystem::path(home) / ".cache";
  } else {
    folder = std::filesystem::temp_directory_path();
  }
  folder /= "limbic";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ExitCode::failure,
                fmt::format("{}: cannot make the cache folder: {}", folder.string(), error.message()));
  return folder;
}

}  // namespace limbic
