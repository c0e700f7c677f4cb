// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>
#include <string>

#include "kernels/registry.h"
#include "tests/kernels/harness.h"

using namespace limbic;

TEST_CASE("registry: every op has problems, every rung a file, every pass a reference and a default") {
  std::set<std::string> with_reference, with_default, passes;
  for (const KernelInfo& k : kernel_list()) {
    INFO(k.op << " " << k.pass << " " << k.name);
    CHECK(problem_count(k.op) > 0);
    CHECK(std::filesystem::exists(std::string(LIMBIC_SOURCE_DIR "/kernels/") + k.file));
    const std::string pass = std::string(k.op) + " " + k.pass;
    passes.insert(pass);
    if (same_name(k.name, "v0_reference")) with_reference.insert(pass);
    if (k.is_default && k.device == Device::cpu) CHECK(with_default.insert(pass).second);
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
  using limbic::test::differs;
  const std::vector<float> zeros(100), ones(100, 1.0f), nans(100, NAN);
  CHECK(differs(ones, ones, {0, 1e-6}) == "");
  CHECK(differs(zeros, zeros, {1, 1}) != "");
  CHECK(differs(nans, nans, {1, 1}) != "");
  CHECK(differs(ones, nans, {1, 1}) != "");
  CHECK(differs(nans, ones, {1, 1}) != "");
  CHECK(differs(zeros, ones, {0, 0.5}) != "");
}
