// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace fs = std::filesystem;

TEST_CASE("includes follow the arrows: tools -> {nets, io} -> engine -> kernels") {
  const std::map<std::string, std::set<std::string>> may_include = {
      {"kernels", {"kernels"}},
      {"engine", {"engine", "kernels"}},
      {"nets", {"nets", "engine", "kernels"}},
      {"io", {"io", "engine", "kernels"}},
      {"tools", {"tools", "nets", "io", "engine", "kernels"}},
  };
  const std::regex include_line(R"(^\s*#\s*include\s*"([a-z]+)/[^"]*")");
  int seen = 0;
  for (const auto& [folder, allowed] : may_include) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(LIMBIC_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
      std::ifstream file(entry.path());
      int number = 0;
      for (std::string line; std::getline(file, line);) {
        ++number;
        std::smatch match;
        if (!std::regex_search(line, match, include_line)) continue;
        ++seen;
        INFO(entry.path().string() << ":" << number << ": " << line);
        CHECK(allowed.count(match[1]) == 1);
      }
    }
  }
  CHECK(seen > 50);
}

TEST_CASE("only io knows the foreign libraries, and kernels know no library at all") {
  const std::string media = R"(libav\w*|libsw\w*|opencv2|hdf5\w*|zlib|png)";
  const auto including = [](const std::string& libraries) {
    return std::regex("#\\s*include\\s*<(" + libraries + ")[./+>]");
  };
  const std::map<std::string, std::regex> forbidden = {
      {"kernels", including(media + "|fmt|nlohmann|CLI|toml\\w*|libsvm")},
      {"engine", including(media + "|nlohmann|CLI|toml\\w*|libsvm")},
      {"nets", including(media + "|nlohmann|CLI|libsvm|fstream")},
      {"tools", including(media)},
  };
  CHECK(std::regex_search("#include <libavcodec/avcodec.h>", forbidden.at("tools")));
  CHECK(std::regex_search("#include <opencv2/core.hpp>", forbidden.at("nets")));
  CHECK_FALSE(std::regex_search("#include <fmt/format.h>", forbidden.at("tools")));
  for (const auto& [folder, pattern] : forbidden) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(LIMBIC_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        INFO(entry.path().string() << ": " << line);
        CHECK_FALSE(std::regex_search(line, pattern));
      }
    }
  }
}

TEST_CASE("what is saved, hashed or printed to the last digit comes from no C library's exp, log, sin or pow") {
  const std::regex libm(R"(\bstd::(exp|exp2|expm1|log|log2|log1p|sin|cos|tan|sinh|cosh|tanh|pow|cbrt)f?\()");
  int seen = 0;
  for (const char* folder : {"engine", "nets", "tools/prediction"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(LIMBIC_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      std::ifstream file(entry.path());
      ++seen;
      for (std::string line; std::getline(file, line);) {
        INFO(entry.path().string() << ": " << line);
        CHECK_FALSE(std::regex_search(line, libm));
      }
    }
  }
  CHECK(seen > 30);
}

TEST_CASE("every folder has a README") {
  for (const char* folder : {"", "kernels", "engine", "nets", "io", "tools", "tests", "weights"}) {
    INFO(folder);
    CHECK(fs::exists(fs::path(LIMBIC_SOURCE_DIR) / folder / "README.md"));
  }
}
