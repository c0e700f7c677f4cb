// SPDX-License-Identifier: Apache-2.0
// A shared function that is compiled with AVX-512 and then wins the link crashes every CPU without it.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "kernels/isa.h"

using namespace limbic;

TEST_CASE("isa: code compiled for an instruction set defines nothing outside its own namespace") {
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    const std::string name = isa_name(isa);
    const std::string objects = LIMBIC_BUILD_DIR "/kernels/CMakeFiles/limbic_kernels_" + name + ".dir";
    if (!std::filesystem::exists(objects)) {
      WARN("skipped: " << objects << " is not there");
      continue;
    }
    // defined symbols that other files can see: functions and data (T, D, B, R), weak ones (W, V), unique ones (u)
    FILE* pipe = popen(
        ("find '" + objects + "' -name '*.o' -exec nm -C --defined-only {} + | grep -E ' [TDBRWVu] '").c_str(), "r");
    REQUIRE(pipe);
    int seen = 0;
    for (char line[4096]; std::fgets(line, sizeof line, pipe); ++seen) {
      const std::string symbol = line;
      INFO(symbol);
      // Not code: a pointer to the C++ runtime's unwinder, the same in every object that has frames to unwind.
      if (symbol.find(" DW.ref.__gxx_personality_v0") != std::string::npos) continue;
      CHECK(symbol.find("limbic::" + name) != std::string::npos);
    }
    pclose(pipe);
    CHECK(seen > 20);
  }
}
