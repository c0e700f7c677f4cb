// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>
#include <string>

#include "kernels/registry.h"
#include "tests/kernels/harness.h"

using namespace limbic;

TEST_CASE("registry: every op has 24 problems, every rung a file, every pass a reference and a default") {
  std::set<std::string> with_reference, with_default, passes;
  for (const KernelInfo& k : kernel_list()) {
    INFO(k.op << " " << k.pass << " " << k.name);
    CHECK(problem_count(k.op) >= 24);
    CHECK(std::filesystem::exists(std::string(LIMBIC_SOURCE_DIR "/kernels/") + k.file));
    const std::string pass = std::string(k.op) + " " + k.pass;
    passes.insert(pass);
    if (same_name(k.name, "v0_reference")) with_reference.insert(pass);
    if (k.is_default) CHECK(with_default.insert(pass).second);
  }
  CHECK(passes.size() >= 20);
  CHECK(with_reference == passes);
  CHECK(with_default == passes);
}

TEST_CASE("registry: a kernel can be forced by name, an unknown one cannot") {
  CHECK(force_kernel("unary", "v0_reference"));
  const auto* rung = pick(unary_fwd_rungs(), {"unary", "fwd"}, {4, Unary::relu}, Device::cpu);
  REQUIRE(rung);
  CHECK(same_name(rung->name, "v0_reference"));
  CHECK_FALSE(force_kernel("unary", "v9_imagined"));
  CHECK_FALSE(force_kernel("no_such_op", "v0_reference"));
  CHECK(force_kernel("unary", ""));
  CHECK(forced_kernel("unary") == nullptr);
}

TEST_CASE("compare: zeros, NaN and large errors do not pass") {
  using limbic::test::differs, limbic::test::exceeds, limbic::test::exceeds_of_peak;
  const std::vector<float> zeros(100), ones(100, 1.0f), nans(100, NAN);
  CHECK(differs(ones, ones, {0, 1e-6}) == "");
  CHECK(differs(zeros, zeros, {1, 1}) != "");
  CHECK(differs(nans, nans, {1, 1}) != "");
  CHECK(differs(ones, nans, {1, 1}) != "");
  CHECK(differs(nans, ones, {1, 1}) != "");
  CHECK(differs(zeros, ones, {0, 0.5}) != "");
  std::vector<float> one_off = ones;
  one_off[7] = 2;
  CHECK(differs(one_off, ones, {0, 0.5}).find("element 7 of 100") == 0);
  std::vector<double> bound(100, 0.0), expected(100, 1.0);
  CHECK(exceeds(one_off, ones, bound) != "");
  bound[7] = 1;
  CHECK(exceeds(one_off, ones, bound) == "");
  CHECK(exceeds_of_peak(one_off, expected, 0.2, 1.0) == "");
  CHECK(exceeds_of_peak(one_off, expected, 0.05, 1.0) != "");
  CHECK(exceeds_of_peak(nans, expected, 1, 1) != "");
}
