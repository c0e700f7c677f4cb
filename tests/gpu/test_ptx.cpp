// SPDX-License-Identifier: Apache-2.0
// What the wrappers of kernels/ptx.h give, bit for bit: on the emulator, and on a GPU where there is one, as
// tests/gpu/ptx.golden and ptx_sm90a.golden have it. Each run leaves its own words in the build folder, those of a
// sanitized build under another name: they may run side by side.
#include <fstream>
#include <sstream>

#include "tests/gpu/device.h"
#include "tests/gpu/ptx_kernels.h"

using namespace limbic;
using namespace limbic::test;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr const char* build = ".asan";
#elif defined(__SANITIZE_THREAD__)
constexpr const char* build = ".tsan";
#else
constexpr const char* build = "";
#endif

/// A line for each word of each case: the 32 lanes' results in hexadecimal.
std::string words_of(std::span<const PtxCase> cases) {
  std::ostringstream text;
  for (const PtxCase& ptx : cases) {
    DeviceArray<uint32_t> out(size_t(ptx.words) * 32), work(8192);
    ptx.run(out.data(), work.data(), {});
    const std::vector<uint32_t> words = out.host();
    for (size_t i = 0; i < words.size(); ++i) {
      char word[16];
      std::snprintf(word, sizeof word, " %08x", words[i]);
      if (i % 32 == 0) text << (i ? "\n" : "") << ptx.name << ", word " << i / 32 << ":";
      text << word;
    }
    text << "\n";
  }
  return text.str();
}

void check_words(Device device, const std::string& name, std::span<const PtxCase> cases) {
  device_under_test = device;
  const std::string words = words_of(cases), own = LIMBIC_BUILD_DIR "/" + name + build + "." + device_name(device);
  std::ofstream(own) << words;
  std::ifstream golden(LIMBIC_SOURCE_DIR "/tests/gpu/" + name + ".golden");
  std::istringstream got(words);
  std::string expected, line;
  while (std::getline(golden, expected)) {
    std::getline(got, line);
    INFO(device_name(device) << ", all words in " << own);
    CHECK(line == expected);
  }
  CHECK(!std::getline(got, line));
  CHECK(!words.empty());
}

/// The compute capability of a device that is here and wanted; else 0.
int capability(Device device) {
  struct AnyRung {
    Device device;
    const char* file;
  };
  return runs_here(AnyRung{device, file_under_test()}) ? gpu_runtime(device)->compute_capability() : 0;
}

void check_on_emulator(const std::string& name, std::span<const PtxCase> cases) {
  if (!capability(Device::emu)) return;
  const emu::Options before = emu::options();
  for (const emu::Options& order : thread_orders()) {
    emu::options() = order;
    check_words(Device::emu, name, cases);
  }
  emu::options() = before;
}

}  // namespace

TEST_CASE("ptx: each wrapper gives the golden words") {
  check_on_emulator("ptx", emu::ptx_cases());
#ifdef LIMBIC_CUDA
  if (capability(Device::cuda) >= 80) check_words(Device::cuda, "ptx", cuda::ptx_cases());
#endif
}

TEST_CASE("ptx: each wrapper of sm_90a gives the golden words") {
  check_on_emulator("ptx_sm90a", emu::ptx_sm90a_cases());
#ifdef LIMBIC_CUDA
  if (capability(Device::cuda) == 90) check_words(Device::cuda, "ptx_sm90a", cuda::ptx_sm90a_cases());
#endif
}
