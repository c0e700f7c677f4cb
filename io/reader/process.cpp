// SPDX-License-Identifier: Apache-2.0
#include "io/reader/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/error.h"

namespace limbic::reader {
namespace {

constexpr int data_megabytes = 512;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A descriptor that closes itself and lies above those the child is given.
class HighFd {
 public:
  explicit HighFd(int fd) : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 10)) {
    if (fd_ < 0) throw Failure("too many open files");
  }
  ~HighFd() { ::close(fd_); }
  HighFd(const HighFd&) = delete;
  HighFd& operator=(const HighFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// The child sees no environment but what its loader, its allocator and sanitizers need.
std::vector<std::string> child_environment() {
  // A decoder's pictures, 1.4 MB each, come from one heap in huge pages: a fifth of a clip's page faults fewer.
  const std::string memory =
      "GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=67108864";
  std::vector<std::string> environment = {"LC_ALL=C", "HDF5_PLUGIN_PRELOAD=::", memory};
  for (const char* name : {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& string : strings) list.push_back(string.data());
  list.push_back(nullptr);
  return list;
}

int start(const std::string& program, std::vector<std::string> arguments, int file, int channel, int model) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
#ifndef LIMBIC_SANITIZED  // a sanitizer's report must be seen
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
#endif
  posix_spawn_file_actions_adddup2(&actions, file, file_fd);
  posix_spawn_file_actions_adddup2(&actions, channel, channel_fd);
  if (model >= 0) posix_spawn_file_actions_adddup2(&actions, model, model_fd);
  posix_spawn_file_actions_addclosefrom_np(&actions, model >= 0 ? model_fd + 1 : channel_fd + 1);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> environment = child_environment();
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, pointers(arguments).data(),
                                pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw Failure("no way to start " + arguments[0] + " (" + program + ": " + std::strerror(error) + ")");
  return pid;
}

/// The task's model, if it has one.
std::optional<HighFd> open_model(const std::string& path) {
  if (path.empty()) return std::nullopt;
  std::string found;
  const InputFile model = open_input(path, found);
  if (model.fd < 0) throw Error(ExitCode::weights, clean_text(path) + ": found " + found + ", expected a face detector");
  return std::optional<HighFd>(std::in_place, model.fd);
}

/// What the child's first message says of its confinement.
void greet(const Message& hello, Status& status) {
  if (hello.kind != Kind::hello) throw Failure("a limbic-reader of another version");
  Fields fields(hello.payload);
  status.no_new_privs = fields.get<uint8_t>() != 0;
  status.seccomp = fields.get<uint8_t>() != 0;
  status.detail = clean_text(fields.text());
  fields.done();
}

}  // namespace

std::string find_reader(const char* program) {
  using std::filesystem::path;
  std::error_code error;
  if (const char* named = std::getenv("LIMBIC_READER"); named && *named)
    return std::filesystem::is_directory(named, error) ? path(named) / program : path(named).replace_filename(program);
  const path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const path& place : {folder, folder.parent_path(), folder.parent_path() / "bin", path(LIMBIC_INSTALLED_PROGRAMS)}) {
    const path candidate = place / program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return "";
}

Process::Process(const InputFile& file, const Task& task, double stall_s)
    : program_(task.program), stall_s_(stall_s) {
  const auto jobs = 1 + std::count(task.job.begin(), task.job.end(), '+');
  patience_s_ = static_cast<double>(jobs) * (10 * stall_s + 60e-6 * static_cast<double>(file.size));
  const std::string program = find_reader(task.program);
  if (program.empty())
    throw Failure("no " + program_ + " beside the program (LIMBIC_READER can name its folder)");
  // Generous: slow decoders spend about 3 s on a megabyte of speech. A spinning child is stopped by stall_s before.
  cpu_s_ = static_cast<int>(jobs * (30 + std::min<int64_t>(10 * (file.size >> 20), 100000)));
  if (!task.model.empty()) cpu_s_ *= 10;  // a network looks at every picture
  const std::optional<HighFd> model = open_model(task.model);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure("too many open files");
  channel_ = ends[0];
  try {
    const HighFd input(file.fd), output(ends[1]);
    ::fcntl(channel_, F_SETPIPE_SZ, 1 << 20);  // fewer switches; the default serves where this is refused
    ::close(std::exchange(ends[1], -1));
    pid_ = start(program,
                 {program_, task.job, std::to_string(cpu_s_), std::to_string(data_megabytes),
                  std::to_string(task.rate), std::to_string(task.side)},
                 input.get(), output.get(), model ? model->get() : -1);
  } catch (...) {
    if (ends[1] >= 0) ::close(ends[1]);
    ::close(channel_);
    throw;
  }
  confinement_.path = program;
  try {
    greet(next(), confinement_);
  } catch (...) {
    stop(true);  // no destructor runs for an object that was never made
    throw;
  }
  static std::once_flag warned;
  if (!confinement_.seccomp && task.job != "status") {
    std::call_once(warned, [&] {
      std::fprintf(stderr, "limbic: warning: %s runs without a system-call filter (%s)\n", program_.c_str(),
                   confinement_.detail.c_str());
    });
  }
}

Process::~Process() { stop(true); }

/// Ends the conversation and reaps the child; its wait status, or -1.
int Process::stop(bool kill_it) {
  if (channel_ >= 0) ::close(std::exchange(channel_, -1));
  if (pid_ < 0) return -1;
  const int pid = std::exchange(pid_, -1);
  if (kill_it) ::kill(pid, SIGKILL);
  int status = -1;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

void Process::died() {
  // It has closed its end: it is dead or dying, and one that only pretends gets a moment before it is killed.
  int status = -1;
  pid_t reaped = 0;
  for (int tries = 0; tries < 200 && reaped == 0; ++tries) {
    reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped == 0) ::usleep(5000);
  }
  if (reaped == pid_) {
    pid_ = -1;
  } else {
    stop(true);
    throw Failure("a file on which " + program_ + " stopped without a word");
  }
  if (WIFSIGNALED(status)) {
    const int signal_number = WTERMSIG(status);
    if (signal_number == SIGXCPU) {
      throw Failure("a file that takes " + program_ + " more than " + std::to_string(cpu_s_) + " s of processor time");
    }
    const char* name = sigabbrev_np(signal_number);
    throw Failure("a file on which " + program_ + " crashed (SIG" + std::string(name ? name : "?") + ")");
  }
  const int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  throw Failure("a file on which " + program_ + " stopped early (exit status " + std::to_string(exit_status) + ")");
}

void Process::read_exactly(void* to, size_t count, double deadline) {
  char* out = static_cast<char*>(to);
  while (count > 0) {
    const double left_s = deadline - seconds_now();
    pollfd waiting{channel_, POLLIN, 0};
    const int ready = left_s <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(std::min(std::ceil(left_s * 1000), 1e9)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      stop(true);
      if (patience_s_ < stall_s_) throw Failure("a file that takes " + program_ + " too long");
      char text[40];
      std::snprintf(text, sizeof text, "no answer in %.3g s", stall_s_);
      throw Failure("a file on which " + program_ + " hung (" + text + ")");
    }
    const ssize_t got = ::read(channel_, out, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) died();
    out += got;
    count -= static_cast<size_t>(got);
  }
}

Message Process::next() {
  if (channel_ < 0) throw Failure("a " + program_ + " that has already ended");
  const double asked = seconds_now(), deadline = asked + std::min(stall_s_, patience_s_);
  Header header;
  read_exactly(&header, sizeof header, deadline);
  const auto kind = static_cast<uint32_t>(header.kind);
  if (header.magic != magic || kind < static_cast<uint32_t>(Kind::hello) || kind > static_cast<uint32_t>(Kind::end) ||
      header.bytes > max_payload) {
    stop(true);
    throw Failure("a " + program_ + " that speaks another language");
  }
  Message message{header.kind, std::string(header.bytes, '\0')};
  read_exactly(message.payload.data(), message.payload.size(), deadline);
  patience_s_ -= seconds_now() - asked;
  return message;
}

Status status(const char* program) {
  Status status;
  status.path = find_reader(program);
  try {
    std::string found;
    Process child(open_input("/proc/self/exe", found), {.program = program, .job = "status"}, 10);
    status = child.confinement();
    for (Message message = child.next(); message.kind != Kind::end; message = child.next()) {
      if (message.kind != Kind::attempt) throw Failure(std::string("a garbled answer of ") + program);
      Fields fields(message.payload);
      const std::string what = clean_text(fields.text());
      status.attempts.push_back({what, fields.get<int32_t>()});
      fields.done();
    }
    status.works = true;
  } catch (const std::exception& error) {
    status.detail = error.what();
  }
  return status;
}

}  // namespace limbic::reader
