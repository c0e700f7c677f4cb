// SPDX-License-Identifier: Apache-2.0
// The job "status": tries what code that took a parser over would try, and tells the parent what came of each. Nothing
// here does harm where no filter stops it.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "io/reader/child/channel.h"

namespace limbic::reader {
namespace {

struct Attempt {
  const char* what;
  long (*act)(pid_t parent);  // below 0: it failed, and errno says why
};

const Attempt attempts[] = {
    {"open a file", [](pid_t) -> long { return ::open("/dev/null", O_RDONLY); }},
    {"find a file",
     [](pid_t) -> long {
       struct stat status;
       return ::syscall(SYS_newfstatat, AT_FDCWD, "/", &status, 0);
     }},
    {"rename a file", [](pid_t) -> long { return ::rename("/nonexistent/from", "/nonexistent/to"); }},
    {"make a socket", [](pid_t) -> long { return ::socket(AF_INET, SOCK_STREAM, 0); }},
    {"start a process",
     [](pid_t) -> long {
       const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
       if (child == 0) _exit(0);
       return child;
     }},
    {"run a program",
     [](pid_t) -> long {
       char* const none[] = {nullptr};
       return ::execve("/nonexistent/program", none, none);
     }},
    {"signal its parent", [](pid_t parent) -> long { return ::kill(parent, 0); }},
    {"signal a thread of its parent", [](pid_t parent) -> long { return ::syscall(SYS_tgkill, parent, parent, 0); }},
    {"read the memory of its parent",
     [](pid_t parent) -> long {
       char byte;
       const iovec here{&byte, 1}, there{&byte, 1};
       return ::process_vm_readv(parent, &here, 1, &there, 1, 0);
     }},
    {"read the limits of its parent",
     [](pid_t parent) -> long {
       rlimit limit;
       return ::prlimit(parent, RLIMIT_CORE, nullptr, &limit);
     }},
    {"change its own limits",
     [](pid_t) -> long {
       const rlimit none{0, 0};
       return ::prlimit(0, RLIMIT_CORE, &none, nullptr);
     }},
    {"make memory that can run",
     [](pid_t) -> long {
       return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
     }},
};

}  // namespace

void report_attempts(pid_t parent) {
  for (const Attempt& attempt : attempts) {
    errno = 0;
    const int error = attempt.act(parent) < 0 ? errno : 0;
    send(Kind::attempt, Payload().text(attempt.what).put<int32_t>(error));
  }
}

}  // namespace limbic::reader
