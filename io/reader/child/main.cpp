// SPDX-License-Identifier: Apache-2.0
// limbic-reader: parses one foreign file, already open, in a process that can do nothing else. Started by
// io/reader/process.cpp; of no use by hand.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "io/media.h"
#include "io/reader/child/channel.h"
#include "io/reader/child/face_finder.h"
#include "io/reader/child/sandbox.h"

namespace limbic::reader {
namespace {

void write_all(const void* data, uint64_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(channel_fd, from, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(3);  // the parent has gone
    from += written;
    bytes -= static_cast<uint64_t>(written);
  }
}

int64_t size_of_file = 0;  // asked for before the filter, which lets no stat through

int run(const std::string& job, int cpu_seconds, int data_megabytes, int rate_or_side) {
  std::optional<FaceFinder> finder;  // opens its cascade, a file of this machine, before the filter forbids it
  const auto asked = [&](const char* word) { return job.find(word) != std::string::npos; };
  if (asked("faces")) finder.emplace(asked("-every"), asked("-all"));
  const pid_t parent = ::getppid();
  const Confinement confined = confine(cpu_seconds, data_megabytes);
  send(Kind::hello, Payload().put<uint8_t>(confined.no_new_privs).put<uint8_t>(confined.seccomp).text(confined.detail));
  try {
    if (job == "sound") read_sound(rate_or_side);
    if (asked("pictures") || finder) read_pictures(rate_or_side, asked("-colour"), finder ? &*finder : nullptr);
    if (job == "datasets") read_datasets();
    if (job == "status") report_attempts(parent);
    send(Kind::end, nullptr, 0);
    return 0;
  } catch (const Refusal& refusal) {
    send(Kind::fault, Payload().put(refusal.fault).text(refusal.what()));
  } catch (const std::bad_alloc&) {
    send(Kind::fault, Payload()
                          .put(static_cast<uint32_t>(MediaFault::reader))
                          .text("a file that needs more than " + std::to_string(data_megabytes) + " MB of memory"));
  }
  return 1;
}

}  // namespace

void send(Kind kind, const void* payload, uint64_t bytes) {
  const Header header{magic, kind, bytes};
  write_all(&header, sizeof header);
  write_all(payload, bytes);
}

int64_t file_size() { return size_of_file; }

}  // namespace limbic::reader

int main(int argc, char** argv) {
  struct stat file, channel;
  if (argc != 5 || ::fstat(limbic::reader::file_fd, &file) != 0 || ::fstat(limbic::reader::channel_fd, &channel) != 0) {
    std::fprintf(stderr, "limbic-reader is started by limbic to parse one file; it is of no use by hand\n");
    return 2;
  }
  limbic::reader::size_of_file = file.st_size;
  // _exit: no library's clean-up runs over what a strange file left behind.
  _exit(limbic::reader::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4])));
}
