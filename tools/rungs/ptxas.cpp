// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/ptxas.h"

#include <cxxabi.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <regex>
#include <sstream>

#include "engine/error.h"
#include "tools/rungs/source.h"

namespace limbic {

std::string kernel_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? plain.get() : mangled;
  for (const std::string left_out : {"limbic::emu::Named<&", "limbic::emu::", "limbic::cuda::", "limbic::", "(anonymous namespace)::", "void "}) {
    for (size_t at; (at = name.find(left_out)) != std::string::npos;) name.erase(at, left_out.size());
  }
  if (name.starts_with("(")) name.erase(0, 1);
  int depth = 0;  // of template arguments: "conv2d_v4<(ConvPass)0, 4>(ConvGemm)"
  const auto end = std::find_if(name.begin(), name.end(), [&](char c) {
    depth += c == '<' ? 1 : c == '>' ? -1 : 0;
    return depth < 0 || (depth == 0 && c == '(');
  });
  return {name.begin(), end};
}

std::string find_nvcc() {
  const char* const chosen = std::getenv("CUDA_PATH");
  for (const std::string& folder : {std::string(chosen ? chosen : ""), std::string("/usr/local/cuda")}) {
    const std::string path = folder + "/bin/nvcc";
    if (!folder.empty() && access(path.c_str(), X_OK) == 0) return path;
  }
  const Output found = output_of("command -v nvcc");
  return found.ok ? found.text.substr(0, found.text.find('\n')) : "";
}

std::string nvcc_version(const std::string& nvcc) {
  const Output said = output_of(shell_word(nvcc) + " --version");
  std::smatch match;
  if (!std::regex_search(said.text, match, std::regex("release ([0-9.]+)"))) throw Error(ExitCode::failure, nvcc + ": no version");
  return match[1];
}

std::vector<KernelResources> compile_resources(const std::string& nvcc, const std::string& file) {
  const std::string path = source_path(file), root = path.substr(0, path.size() - file.size() - std::string("/kernels/").size());
  const Output said = output_of(shell_word(nvcc) + " -std=c++20 -gencode arch=compute_90a,code=sm_90a --expt-relaxed-constexpr -Xptxas -v -cubin -o /dev/null -I " +
                                shell_word(root) + " " + shell_word(path) + " 2>&1");
  if (!said.ok) throw Error(ExitCode::failure, "nvcc refuses kernels/" + file + ": " + said.text.substr(0, said.text.find('\n')));
  std::vector<KernelResources> all;
  std::istringstream lines(said.text);
  std::smatch match;
  static const std::regex entry("Compiling entry function '([^']+)'"), spills("([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads"),
      used("Used ([0-9]+) registers"), shared("([0-9]+) bytes smem");
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_search(line, match, entry)) all.push_back({kernel_name(match[1])});
    if (all.empty()) continue;
    if (std::regex_search(line, match, spills)) all.back().spilled = std::stoi(match[1]) + std::stoi(match[2]);
    if (std::regex_search(line, match, used)) all.back().registers = std::stoi(match[1]);
    if (std::regex_search(line, match, shared)) all.back().shared = std::stoi(match[1]);
  }
  return all;
}

int resident_warps(const KernelResources& kernel, int threads, size_t dynamic_shared) {
  constexpr int most_warps = 64, most_blocks = 32, registers = 65536, registers_step = 256;
  constexpr size_t shared = 228 << 10, reserved = 1 << 10;  // of a block, for the system
  const int warps = (threads + 31) / 32;
  const int of_warp = std::max(1, (kernel.registers * 32 + registers_step - 1) / registers_step * registers_step);
  const int by_shared = static_cast<int>(shared / (static_cast<size_t>(kernel.shared) + dynamic_shared + reserved));
  const int blocks = std::min({most_blocks, most_warps / warps, registers / of_warp / warps, by_shared});
  return blocks * warps;
}

}  // namespace limbic
