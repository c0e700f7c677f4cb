// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/sandbox.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/reader/protocol.h"

namespace limbic::reader {
namespace {

void limit(decltype(RLIMIT_CPU) resource, rlim_t soft, rlim_t hard) {
  const rlimit value{soft, hard};
  setrlimit(resource, &value);
}

/// The system calls of memory, time and leaving. No open, no socket, no process, no thread.
const char* const allowed[] = {
    "brk",         "munmap",          "mremap",       "madvise",      "futex",
    "exit",        "exit_group",      "rt_sigreturn", "rt_sigaction", "rt_sigprocmask",
    "sigaltstack", "clock_gettime",   "gettimeofday", "getrandom",    "getpid",
    "gettid",      "restart_syscall", "getrusage",    "sched_yield",  "sched_getaffinity",
    "close",       "fstat",           "lseek",        "rseq",         "set_robust_list",
    "uname",       "sysinfo",
};

/// 0, or the errno of what failed. What is not allowed fails with EPERM instead of killing: a library that asks for a
/// nicety (a charset table, the number of cores) goes on without it.
int filter_system_calls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (!filter) return ENOMEM;
  int error = 0;
  const auto allow = [&](const char* name, std::initializer_list<scmp_arg_cmp> when) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // unknown to this kernel's libseccomp: stays forbidden
    const int result =
        seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, static_cast<unsigned>(when.size()), when.begin());
    if (result < 0 && error == 0) error = -result;
  };
  for (const char* name : allowed) allow(name, {});
  for (const char* name : {"read", "pread64"}) allow(name, {SCMP_A0(SCMP_CMP_EQ, file_fd)});
#ifdef LIMBIC_SANITIZED  // UBSan tells readable memory by writing it to a pipe; a report goes to stderr
  for (const char* name : {"write", "writev", "pipe", "pipe2", "readlink"}) allow(name, {});
#else
  for (const char* name : {"write", "writev"}) allow(name, {SCMP_A0(SCMP_CMP_EQ, channel_fd)});
#endif
  // abort() signals its own thread; libraries ask for limits of their own. Only the low 32 bits of a process id count.
  constexpr scmp_datum_t low = UINT32_MAX;
  allow("tgkill", {SCMP_A0(SCMP_CMP_MASKED_EQ, low, static_cast<scmp_datum_t>(::getpid()))});
  allow("prlimit64", {SCMP_A0(SCMP_CMP_MASKED_EQ, low, 0), SCMP_A2(SCMP_CMP_EQ, 0)});
  // Memory that can be executed is never made.
  allow("mmap", {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  allow("mprotect", {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  if (error == 0) error = -seccomp_load(filter);
  seccomp_release(filter);
  return error;
}

}  // namespace

Confinement confine(int cpu_seconds, int data_megabytes) {
  Confinement result;
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, 16, 16);
  const rlim_t cpu = static_cast<rlim_t>(cpu_seconds);
#ifdef LIMBIC_SANITIZED
  limit(RLIMIT_CPU, 10 * cpu, 10 * cpu + 2);  // slower by about that; shadow memory rules out a limit on data
  (void)data_megabytes;
#else
  limit(RLIMIT_FSIZE, 0, 0);
  limit(RLIMIT_NPROC, 0, 0);
  limit(RLIMIT_CPU, cpu, cpu + 2);
  const rlim_t data = static_cast<rlim_t>(data_megabytes) << 20;
  limit(RLIMIT_DATA, data, data);
#endif
  result.no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  const int error = filter_system_calls();
  result.seccomp = error == 0;
  if (error != 0) result.detail = std::string("the host refuses it: ") + std::strerror(error);
  return result;
}

}  // namespace limbic::reader
