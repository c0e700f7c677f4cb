// SPDX-License-Identifier: Apache-2.0
// The command that makes the clips of the tests.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

inline bool has_ffmpeg() {
  static const bool there = ::system("ffmpeg -version >/dev/null 2>&1") == 0;
  if (!there) WARN("skipped: no ffmpeg command to make the clips with");
  return there;
}

inline void ffmpeg(const std::string& arguments) {
  INFO("ffmpeg " << arguments);
  REQUIRE(::system(("ffmpeg -v error -nostdin -y " + arguments).c_str()) == 0);
}
