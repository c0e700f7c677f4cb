// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "kernels/registry.h"
#include "kernels/vendor/yardsticks.h"
#include "tests/kernels/harness.h"

using namespace limbic;

TEST_CASE("registry: every op has 24 problems, every rung a file, every pass a reference and a default") {
  std::set<std::string> with_reference, with_default, passes;
  for (const KernelInfo& k : kernel_list()) {
    INFO(k.op << " " << k.pass << " " << k.name);
    CHECK(problem_count(k.op) >= 24);
    CHECK(std::filesystem::exists(std::string(LIMBIC_SOURCE_DIR "/kernels/") + k.file));
    std::string pass = std::string(k.op) + " " + k.pass;
    const bool of_gpu = k.device != Device::cpu && pass.ends_with("_bf16");
    if (of_gpu) pass.resize(pass.size() - 5);  // its reference is the one in f32, on rounded inputs
    passes.insert(pass);
    if (same_name(k.name, "v0_reference")) with_reference.insert(pass);
    if (k.is_default && k.device == Device::cpu) CHECK(with_default.insert(pass).second);
  }
  CHECK(passes.size() >= 20);
  CHECK(with_reference == passes);
  CHECK(with_default == passes);
}

TEST_CASE("registry: every CUDA rung opens with what it teaches, in five points") {
  size_t rungs = 0;
  for (const KernelInfo& k : kernel_list()) {
    if (k.device == Device::cpu || is_yardstick(k.name)) continue;
    ++rungs;
    INFO(k.file);
    std::ifstream file(std::string(LIMBIC_SOURCE_DIR "/kernels/") + k.file);
    std::string opening;
    for (std::string line; std::getline(file, line) && line.starts_with("//");) opening += "\n" + line;
    size_t after = 0;
    for (const char* point : {"// Idea: ", "// Changed from ", "// Why faster: ", "// Limited by: ", "// Next: "}) {
      const size_t at = opening.find(std::string("\n") + point, after);
      CHECK(at != std::string::npos);
      after = std::max(after, at);
    }
  }
  CHECK(rungs > 40);
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

TEST_CASE("registry: yardsticks stand behind every rung of ours, so that dispatch comes to them last") {
  std::set<std::string> with_yardstick;
  for (const KernelInfo& k : kernel_list()) {
    INFO(k.op << " " << k.pass << " " << k.name);
    const std::string pass = std::string(k.op) + " " + k.pass;
    if (is_yardstick(k.name)) {
      with_yardstick.insert(pass);
      CHECK_FALSE(k.is_default);
    } else {
      CHECK(with_yardstick.count(pass) == 0);
    }
  }
  CHECK(with_yardstick.size() > 10);
}

namespace {

/// Every rung serves a batch of any size or none: set(dims, n) makes the batch n.
template <class Problems, class Dims, class Fn, class Set>
void check_choice(Pass pass, const Problems& problems, std::span<const Rung<Dims, Fn>> rungs, const Set& set) {
  for (const auto& [name, full] : problems) {
    Dims d = full;
    for (const auto& rung : rungs) {
      for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
        set(d, 1);
        const bool alone = serves(rung, d, Device::cpu, isa);
        for (const int n : {2, 7, 64, 1000}) {
          set(d, n);
          INFO(pass.op << " " << pass.pass << " " << rung.name << " " << isa_name(isa) << " " << name << " batch "
                       << n);
          CHECK(serves(rung, d, Device::cpu, isa) == alone);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("registry: the rung chosen does not depend on the size of the batch, forward or backward") {
  const auto images = [](auto& d, int n) { d.N = n; };
  const auto rows = [](auto& d, int n) { d.rows = n; };
  const auto outer = [](auto& d, int n) { d.outer = n; };
  check_choice({"conv2d", "fwd"}, conv2d_problems, conv2d_fwd_rungs(), images);
  check_choice({"conv2d", "fwd_bf16"}, conv2d_problems, conv2d_fwd_rungs(StoredAs<bf16>{}), images);
  check_choice({"conv2d", "dx"}, conv2d_problems, conv2d_dx_rungs(), images);
  check_choice({"conv2d", "dw"}, conv2d_problems, conv2d_dw_rungs(), images);
  // a linear layer's batch: the rows of its forward pass and of dx, the depth of dw
  check_choice({"matmul", "fwd"}, matmul_problems, matmul_fwd_rungs(), [](MatmulDims& d, int n) { d.M = n; });
  check_choice({"matmul", "dw"}, matmul_problems, matmul_fwd_rungs(), [](MatmulDims& d, int n) { d.K = n; });
  check_choice({"batch_norm", "fwd"}, batch_norm_problems, batch_norm_fwd_rungs(), rows);
  check_choice({"batch_norm", "apply"}, batch_norm_problems, batch_norm_apply_rungs(), rows);
  check_choice({"batch_norm", "bwd"}, batch_norm_problems, batch_norm_bwd_rungs(), rows);
  check_choice({"pool2d", "fwd"}, pool2d_problems, pool2d_fwd_rungs(), images);
  check_choice({"pool2d", "bwd"}, pool2d_problems, pool2d_bwd_rungs(), images);
  check_choice({"pool2d", "train"}, pool2d_problems, pool2d_train_rungs(), images);
  check_choice({"reduce", "fwd"}, reduce_problems, reduce_fwd_rungs(), outer);
  check_choice({"reduce", "bwd"}, reduce_problems, reduce_bwd_rungs(), outer);
  check_choice({"softmax", "fwd"}, softmax_problems, softmax_fwd_rungs(), rows);
  check_choice({"softmax", "bwd"}, softmax_problems, softmax_bwd_rungs(), rows);
  check_choice({"cross_entropy", "fwd"}, cross_entropy_problems, cross_entropy_fwd_rungs(), rows);
  check_choice({"cross_entropy", "bwd"}, cross_entropy_problems, cross_entropy_bwd_rungs(), rows);
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
