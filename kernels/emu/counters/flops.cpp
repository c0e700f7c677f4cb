// SPDX-License-Identifier: Apache-2.0
// What a basic block computes, as objdump prints its instructions.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include <dlfcn.h>

#include "kernels/emu/counters.h"

namespace limbic::emu {
namespace {

/// One instruction: "addss" and what follows, or "call" and "... <expf@plt>".
void add_operation(const std::string& mnemonic, const std::string& operands, Flops& flops) {
  for (const char* const stem : {"add", "sub", "mul", "div", "sqrt"}) {
    if (mnemonic == std::string(stem) + "ss") ++flops.f32;
    if (mnemonic == std::string(stem) + "sd") ++flops.f64;
  }
  if (!mnemonic.starts_with("call")) return;
  const size_t begin = operands.find('<');
  if (begin == std::string::npos) return;
  const std::string called = operands.substr(begin + 1, operands.find_first_of("@>", begin) - begin - 1);
  if (called == "fmaf") flops.f32 += 2;
  if (called == "fma") flops.f64 += 2;
  for (const char* const function : {"exp", "expm1", "log", "log1p", "log10", "pow", "sin", "cos", "tanh", "sqrt"}) {
    if (called == std::string(function) + "f") ++flops.f32;
    if (called == function) ++flops.f64;
  }
}

/// Reads objdump's lines ("  4a3c:\taddss  %xmm1,%xmm0"); a block begins behind a call of the hook and ends at the
/// next.
std::map<uintptr_t, Flops> read_blocks(FILE* lines, uintptr_t base) {
  std::map<uintptr_t, Flops> blocks;
  Flops* block = nullptr;
  bool begins = false;
  for (char line[4096]; std::fgets(line, sizeof line, lines);) {
    const char* const tab = std::strchr(line, '\t');
    if (!tab) {
      block = nullptr;  // another function
      continue;
    }
    const uintptr_t address = base + std::strtoull(line, nullptr, 16);
    if (begins) block = &blocks[address];
    const std::string text(tab + 1, std::strcspn(tab + 1, "\n"));
    const std::string mnemonic = text.substr(0, text.find(' '));
    begins = text.find("<__sanitizer_cov_trace_pc") != std::string::npos;
    if (block && !begins) add_operation(mnemonic, text, *block);
  }
  return blocks;
}

}  // namespace

std::optional<std::vector<Flops>> flops_of_blocks(const std::vector<uintptr_t>& blocks) {
  if (blocks.empty()) return std::vector<Flops>{};
  constexpr uintptr_t call_bytes = 5, longest = 1 << 16;  // a call before the first block, code behind the last
  const auto [first, last] = std::minmax_element(blocks.begin(), blocks.end());
  Dl_info module{};
  if (!dladdr(reinterpret_cast<const void*>(*first), &module)) return std::nullopt;
  const uintptr_t base = reinterpret_cast<uintptr_t>(module.dli_fbase);
  char command[4096];
  std::snprintf(command, sizeof command,
                "objdump -d --no-show-raw-insn --start-address=0x%zx --stop-address=0x%zx '%s' 2>/dev/null",
                *first - base - call_bytes, *last - base + longest, module.dli_fname);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(command, "r"), pclose};
  if (!pipe) return std::nullopt;
  const std::map<uintptr_t, Flops> known = read_blocks(pipe.get(), base);
  std::vector<Flops> found;
  for (const uintptr_t block : blocks) {
    const auto it = known.find(block);
    if (it == known.end()) return std::nullopt;
    found.push_back(it->second);
  }
  return found;
}

}  // namespace limbic::emu
