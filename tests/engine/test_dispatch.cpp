// SPDX-License-Identifier: Apache-2.0
// Which rung of a list runs.
#include <catch2/catch.hpp>

#include "engine/dispatch.h"

using namespace limbic;

namespace {

struct Size {
  int n;
};
std::string dims_text(const Size& size) { return std::to_string(size.n); }

using Fn = void(const Size&, Stream);
void nothing(const Size&, Stream) {}

const Rung<Size, Fn> list[] = {
    {"v1_naive", "", Device::cpu, {nothing, nothing, nothing}, [](const Size& size) { return size.n > 1; }},
    {"cudnn", "", Device::cpu, {nothing, nothing, nothing}}};

const char* chosen(int size) {
  return choose(std::span<const Rung<Size, Fn>>(list), {"no_op", "fwd"}, Device::cpu, Size{size}).name;
}

}  // namespace

TEST_CASE("dispatch: a yardstick never runs by itself, not even where it alone serves; forced or preferred it does") {
  CHECK(chosen(2) == std::string("v1_naive"));
  CHECK_THROWS_AS(chosen(1), Error);
  remember_forced_kernel("no_op", "cudnn");
  CHECK(chosen(1) == std::string("cudnn"));
  remember_forced_kernel("no_op", "");
  prefer_yardsticks(true);
  CHECK(chosen(2) == std::string("cudnn"));
  remember_forced_kernel("no_op", "v1_naive");
  CHECK(chosen(2) == std::string("v1_naive"));
  remember_forced_kernel("no_op", "");
  prefer_yardsticks(false);
  CHECK_THROWS_AS(chosen(1), Error);
}
