// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/faults.h"

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#include <dlfcn.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"

namespace limbic::emu {
namespace {

struct Fault {
  const void* address = nullptr;
  const void* instruction = nullptr;
  bool happened = false, overflow = false;
};
Fault fault;
struct sigaction before;

/// Where a thread that faulted goes on, on the fresh top of its stack.
void land() {
  const Quiet quiet;
  abandon_thread();
}

void on_fault(int signal, siginfo_t* info, void* machine_state) {
  const Fiber* const fiber = running_fiber();
  if (fiber && !fault.happened) {
    auto& registers = static_cast<ucontext_t*>(machine_state)->uc_mcontext.gregs;
    fault = {info->si_addr, reinterpret_cast<void*>(registers[REG_RIP]), true, overflowed(*fiber, info->si_addr)};
    registers[REG_RSP] = reinterpret_cast<greg_t>(fresh_top(*fiber)) - 8;  // as after a call
    registers[REG_RIP] = reinterpret_cast<greg_t>(&land);
    return;
  }
  if (in_device(info->si_addr, 1)) {
    constexpr char text[] = "emu: host code touched device memory; it can only be copied\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(139);
  }
  sigaction(signal, &before, nullptr);  // the same instruction meets it next
}

/// "softmax_v2_warp.cu:31" by addr2line, else what addr2line wants to be asked.
std::string source_line(const void* instruction) {
  Dl_info module{};
  if (!dladdr(instruction, &module)) return "unknown code";
  const uintptr_t offset = reinterpret_cast<uintptr_t>(instruction) - reinterpret_cast<uintptr_t>(module.dli_fbase);
  char command[4096];
  std::snprintf(command, sizeof command, "addr2line -e '%s' 0x%zx", module.dli_fname, static_cast<size_t>(offset));
  char line[4096] = "";
  const std::string question = std::string(command) + " 2>/dev/null";
  if (const std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(question.c_str(), "r"), pclose}; pipe) {
    if (!std::fgets(line, sizeof line, pipe.get())) line[0] = 0;
  }
  line[std::strcspn(line, " \n")] = 0;
  const std::string found = line;
  if (found.empty() || found[0] == '?') return std::string("`") + command + "`";
  return found.substr(found.rfind('/') + 1);
}

}  // namespace

void catch_faults() {
  static thread_local const bool has_stack = [] {  // the handler cannot use a stack that may be full
    stack_t stack{};
    if (sigaltstack(nullptr, &stack) == 0 && !(stack.ss_flags & SS_DISABLE)) return true;  // a sanitizer's will do
    stack = {};
    stack.ss_size = 64 << 10;
    stack.ss_sp = mmap(nullptr, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return stack.ss_sp != MAP_FAILED && sigaltstack(&stack, nullptr) == 0;
  }();
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    return sigaction(SIGSEGV, &action, &before) == 0;
  }();
  (void)has_stack, (void)installed;
}

std::string take_fault() {
  if (!fault.happened) return {};
  const Fault last = fault;
  fault = {};
  const std::string at = " at " + source_line(last.instruction);
  if (last.overflow) return "the stack of a thread is full" + at;
  char address[32];
  std::snprintf(address, sizeof address, "%p: ", last.address);
  return address + describe_address(last.address) + at;
}

void print_context() {
  const std::string context = running_context();
  if (!context.empty()) std::fprintf(stderr, "emu: the report is about a thread%s\n", context.c_str());
}

}  // namespace limbic::emu

// A sanitizer's report says what happened in which line; these add to which CUDA thread.
#ifdef LIMBIC_EMU_ASAN
extern "C" void __asan_on_error() { limbic::emu::print_context(); }
extern "C" void __ubsan_on_report() { limbic::emu::print_context(); }
#endif
#ifdef LIMBIC_EMU_TSAN
extern "C" void __tsan_on_report(void*) { limbic::emu::print_context(); }
#endif
