// SPDX-License-Identifier: Apache-2.0
// limbic-reader, limbic-reader-yunet and limbic-reader-hdf5: each parses one foreign file, already open, in a process that
// can do nothing else.
// Started by io/reader/process.cpp; of no use by hand.
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>
#include <string>

#include "io/media.h"
#include "io/reader/child/channel.h"
#include "io/reader/child/jobs.h"
#include "io/reader/child/sandbox.h"

namespace limbic::reader {
namespace {

/// Header and payload at once: the parent is woken once for a message.
void write_all(const Header& header, const void* payload) {
  iovec parts[] = {{const_cast<Header*>(&header), sizeof header}, {const_cast<void*>(payload), header.bytes}};
  for (iovec* part = parts; part != std::end(parts);) {
    const ssize_t written = ::writev(channel_fd, part, static_cast<int>(std::end(parts) - part));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(3);  // the parent has gone
    size_t done = static_cast<size_t>(written);
    for (; part != std::end(parts) && done >= part->iov_len; ++part) done -= part->iov_len;
    if (part == std::end(parts)) break;
    part->iov_base = static_cast<char*>(part->iov_base) + done;
    part->iov_len -= done;
  }
}

int64_t size_of_file = 0;  // asked for before the filter, which lets no stat through

/// One job, or several on the same file, as in "sound+faces": each ends with `end` or `fault`.
int run(const std::string& jobs, int cpu_seconds, int data_megabytes, int rate, int side) {
  prepare_job(jobs);
  const pid_t parent = ::getppid();
  const Confinement confined = confine(cpu_seconds, data_megabytes);
  send(Kind::hello, Payload().put<uint8_t>(confined.no_new_privs).put<uint8_t>(confined.seccomp).text(confined.detail));
  int faults = 0;
  for (size_t start = 0, end; start <= jobs.size(); start = end + 1) {
    end = std::min(jobs.find('+', start), jobs.size());
    const std::string job = jobs.substr(start, end - start);
    try {
      ::lseek(file_fd, 0, SEEK_SET);
      if (job == "status") report_attempts(parent);
      else run_job(job, rate, side);
      send(Kind::end, nullptr, 0);
      continue;
    } catch (const Refusal& refusal) {
      send(Kind::fault, Payload().put(refusal.fault).text(refusal.what()));
    } catch (const std::bad_alloc&) {
      send(Kind::fault, Payload()
                            .put(static_cast<uint32_t>(MediaFault::reader))
                            .text("a file that needs more than " + std::to_string(data_megabytes) + " MB of memory"));
    } catch (const std::exception& error) {
      send(Kind::fault, Payload()
                            .put(static_cast<uint32_t>(MediaFault::reader))
                            .text(std::string("a file that cannot be read: ") + error.what()));
    }
    ++faults;
  }
  return faults == 0 ? 0 : 1;
}

}  // namespace

void send(Kind kind, const void* payload, uint64_t bytes) {
  write_all({magic, kind, bytes}, payload);
}

int64_t file_size() { return size_of_file; }

}  // namespace limbic::reader

int main(int argc, char** argv) {
  struct stat file, channel;
  if (argc != 6 || ::fstat(limbic::reader::file_fd, &file) != 0 || ::fstat(limbic::reader::channel_fd, &channel) != 0) {
    std::fprintf(stderr, "%s is started by limbic to parse one file; it is of no use by hand\n", argv[0]);
    return 2;
  }
  limbic::reader::size_of_file = file.st_size;
  // _exit: no library's clean-up runs over what a strange file left behind.
  _exit(limbic::reader::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]),
                             std::atoi(argv[5])));
}
