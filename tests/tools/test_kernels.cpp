// SPDX-License-Identifier: Apache-2.0
// `limbic kernels`, and the page kernels/emu/README.md followed with gdb.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <vector>

#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

const std::string source = LIMBIC_SOURCE_DIR;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Json json_of(const Run& run) {
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("kernels lesson prints the openings of an op's ladder, from v0 up") {
  const Scratch scratch;
  const Run run = scratch.run("limbic kernels lesson softmax");
  REQUIRE(run.code == 0);
  size_t at = 0;
  for (const char* part :
       {"softmax_v0_reference.h", "softmax_v1_naive.cu\nIdea: one thread a row.",
        "softmax_v2_warp.cu\nIdea: a warp a row", "Limited by: ", "softmax_v3_block.cu\nIdea: a block a row"}) {
    INFO(part);
    at = run.out.find(part, at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(!has(run.out, "SPDX"));
  CHECK(!has(run.out, "#include"));
  const Json files = json_of(scratch.run("limbic kernels lesson batch_norm_conv2d --json"))["rungs"];
  REQUIRE(files.size() == 4);
  for (size_t i = 0; i < 4; ++i)
    CHECK(has(files[i]["file"].get<std::string>(), std::array{"v0_ref", "v1_apart", "dx_v4", "conv2d_v4"}[i]));
}

TEST_CASE("kernels list names the rungs of every op, or of one") {
  const Scratch scratch;
  const Run all = scratch.run("limbic kernels list"), one = scratch.run("limbic kernels list softmax");
  CHECK((all.code == 0 && has(all.out, "conv2d") && has(all.out, "softmax_v3_block.cu")));
  CHECK((one.code == 0 && !has(one.out, "conv2d") && has(one.out, "softmax_v3_block.cu")));
  const Json rungs = json_of(scratch.run("limbic kernels list softmax --json"))["kernels"];
  CHECK(!rungs.empty());
  for (const Json& rung : rungs) CHECK(rung["op"] == "softmax");
  const Run none = scratch.run("limbic kernels list nonsense");
  CHECK((none.code == 2 && has(none.err, "no op nonsense; there are adam, ")));
  CHECK(has(scratch.run("limbic kernels list softmax v3_block --pass bwd").out, "softmax bwd  v3_block"));
  CHECK(scratch.run("limbic kernels list softmax nonsense").code == 2);
  CHECK(scratch.run("limbic kernels list softmax --pass nonsense").code == 2);
}

TEST_CASE("kernels run launches one rung on one shape, on any device") {
  const Scratch scratch;
  const Json gpu = json_of(scratch.run(
      "limbic kernels run conv2d v2_tiled --pass dw --shape N=1,H=8,W=8,C=4,K=4,R=3,S=3 --repeat 3 --json"));
  CHECK((gpu["pass"] == "dw" && gpu["device"] == "emu" && gpu["repeat"] == 3));
  const Json cpu = json_of(scratch.run("limbic kernels run matmul cpu_packed --shape square --shape M=8 --json"));
  CHECK((cpu["device"] == "cpu" && cpu["shape"] == "M8 N256 K256"));
}

TEST_CASE("kernels run: a wrong op, rung, pass or shape is refused with what there is") {
  const Scratch scratch;
  const auto refused = [&](const std::string& arguments, const std::string& part) {
    const Run run = scratch.run("limbic kernels run " + arguments);
    INFO(arguments << ": " << run.err);
    CHECK(run.code == 2);
    CHECK(has(run.err, part));
    CHECK(run.err.find('\n') == run.err.size() - 1);
  };
  refused("softmacs v1_naive --shape rows=2,C=3", "there are adam, affine_grid");
  refused("softmax v9 --shape rows=2,C=3", "there are v1_naive, v2_warp, v3_block");
  refused("softmax v1_naive --pass dw --shape rows=2,C=3", "softmax dw on emu has no rung v1_naive");
  refused("softmax v1_naive", "softmax wants rows");
  refused("softmax v1_naive --shape rows=2", "softmax wants C");
  refused("softmax v1_naive --shape rows=2,D=3", "softmax has rows, C, log");
  refused("softmax v1_naive --shape rows=2,C=x", "not a value for C");
  refused("softmax v1_naive --shape nothing", "softmax has the problems");
  refused("softmax v1_naive --shape rows=-2,C=3", "not a value for rows");
  refused("softmax v1_naive --shape rows=1e300,C=3", "not a value for rows");
  refused("softmax v1_naive --shape rows=2147483647,C=2147483647", "expected at most 1e15");
  const std::string conv = "conv2d v1_naive --shape N=1,H=5,W=5,C=4,K=4,R=3,S=3,";
  for (const char* wrong : {"stride_h=0", "stride_w=-1", "groups=0", "dilation_h=0", "pad_h=-9", "N=-1", "H=2.5"}) {
    refused(conv + wrong, std::string("not a value for ") + std::string(wrong).substr(0, std::string(wrong).find('=')));
  }
  refused(conv + "groups=3", "whole numbers of groups");
  refused(conv + "R=9", "larger than the padded picture");
  refused("pool2d v1_naive --shape N=1,H=8,W=8,C=4,R=2,S=2,stride_h=2,stride_w=2,pad_h=2", "half the window");
  refused("softmax v2_warp --shape rows=2,C=5000", "v2_warp does not serve rows2 C5000");
}

TEST_CASE("kernels count tells a coalesced rung from one that is not") {
  const Scratch scratch;
  if (scratch.run("command -v limbic-counter").code != 0) {
    WARN("skipped: a sanitized build has no limbic-counter");
    return;
  }
  const auto count = [&](const std::string& rung) {
    const Json counts = json_of(scratch.run("limbic kernels count softmax " + rung + " --shape rows=64,C=64 --json"));
    CHECK(counts["schema"] == "limbic.kernel_counts/1");
    REQUIRE(counts["kernels"].size() == 1);
    return counts["kernels"][0];
  };
  const Json naive = count("v1_naive"), warp = count("v2_warp");
  CHECK(naive["device_writes"]["sectors_per_request"] == 32.0);
  CHECK(warp["device_writes"]["sectors_per_request"] == 4.0);
  CHECK(naive["device_writes"]["bytes"] == warp["device_writes"]["bytes"]);
  CHECK((naive["warp_meetings"] == 0 && warp["warp_meetings"] == 64 * 10));
  const Run text = scratch.run("limbic kernels count softmax v1_naive --shape rows=64,C=64");
  CHECK(has(text.out, "32.00 sectors each"));
  const Run refused = scratch.run("limbic kernels count softmax v1_naive --shape rows=64 --json");
  CHECK(refused.code == 2);
  CHECK(Json::parse(refused.out)["exit_code"] == 2);
}

TEST_CASE("kernels show prints the source, and what nvcc makes of it or that nvcc is not here") {
  const Scratch scratch;
  const Run nowhere =
      scratch.run("PATH=" LIMBIC_BUILD_DIR
                  ":/usr/bin:/bin CUDA_PATH=/nowhere limbic kernels show softmax v2_warp --shape rows=8,C=64 --json");
  const Json shown = json_of(nowhere);
  CHECK(has(shown["source"], "softmax_fwd_v2(SoftmaxDims d"));
  if (shown["nvcc"] == "") {
    CHECK(has(nowhere.err, "nvcc is not here"));
    WARN("skipped: no nvcc here, so that no registers are shown");
    return;
  }
  REQUIRE(shown["kernels"].size() == 2);  // fwd and bwd
  int launched = 0;
  for (const Json& kernel : shown["kernels"]) {
    CHECK(kernel["registers"] > 0);
    CHECK(kernel["spilled_bytes"] == 0);
    if (!kernel.contains("occupancy")) continue;
    ++launched;
    CHECK((kernel["threads"] == 128 && kernel["occupancy"] > 0.2));
  }
  CHECK(launched == 1);
}

TEST_CASE("kernels predict: no default rung, and none of sm_90a, spills registers, and kernels/results holds what nvcc says") {
  const Scratch scratch;
  const Run run = scratch.run("limbic kernels predict --json", 600);
  if (has(run.err, "nvcc is not here")) {
    CHECK(run.code == 1);
    WARN("skipped: no nvcc here, so that nobody knows whether the default rungs spill registers");
    return;
  }
  const Json predicted = json_of(run);
  const std::string table = text_of(source + "/kernels/results/predictions.md");
  const std::string nvcc = predicted["nvcc"];
  const bool same_nvcc = has(table, "nvcc " + nvcc + "\n");
  if (!same_nvcc) WARN("skipped: kernels/results/predictions.md is of another nvcc than " << nvcc);
  std::set<std::string> passes;
  for (const Json& row : predicted["rows"]) {
    const std::string op = row["op"], pass = row["pass"], problem = row["problem"], rung = row["rung"];
    INFO(op << " " << pass << " " << problem << " " << rung);
    passes.insert(op + " " + pass);
    CHECK((row["at_least_us"] > 0 && row["bytes"] > 0 && row["measured_us"] == nullptr));
    const size_t begin = table.find("| " + op + " | " + pass + " | " + problem + " | " + rung + " |");
    REQUIRE(begin != std::string::npos);
    const std::string line = table.substr(begin, table.find('\n', begin) - begin);
    for (const Json& kernel : row["kernels"]) {
      const std::string name = kernel["kernel"];
      INFO(name);
      CHECK(kernel["spilled_bytes"] == 0);
      CHECK((kernel["occupancy"] > 0 && kernel["blocks"] > 0));
      if (same_nvcc) CHECK(has(line, name + ": " + std::to_string(kernel["registers"].get<int>()) + ", "));
    }
  }
  const Json list = json_of(scratch.run("limbic kernels list --json"));
  for (const Json& kernel : list["kernels"]) {
    if (kernel["device"] != "emu" || !kernel["default"]) continue;
    INFO(kernel.dump());
    CHECK(passes.count(std::string(kernel["op"]) + " " + std::string(kernel["pass"])));
  }
}

namespace {

/// What a page's session shows: commands behind "(gdb) ", and lines that each must answer with.
struct Session {
  std::vector<std::string> commands;
  std::vector<std::vector<std::string>> answers;
};
Session session_of(const std::string& page) {
  Session session;
  bool inside = false;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```gdb";
    } else if (inside && line.starts_with("(gdb) ")) {
      session.commands.push_back(line.substr(6)), session.answers.emplace_back();
    } else if (inside && !session.answers.empty()) {
      session.answers.back().push_back(line);
    }
  }
  return session;
}

}  // namespace

TEST_CASE("kernels debug: gdb stops in the thread that was asked for, as kernels/emu/README.md shows") {
  const Scratch scratch;
  const std::string page = text_of(source + "/kernels/emu/README.md");
  std::smatch command;
  REQUIRE(std::regex_search(page, command, std::regex("build/release/(limbic kernels debug [^\n]*)")));
  const Run printed = scratch.run(command[1]);
  REQUIRE(printed.code == 0);
  CHECK(printed.out.starts_with("gdb -q -ex "));
  if (scratch.run("command -v gdb").code != 0) {
    WARN("skipped: no gdb here (Debian: gdb), so that nobody follows the page");
    return;
  }
#ifdef __SANITIZE_THREAD__
  WARN("skipped: in code that ThreadSanitizer has instrumented gdb sees no threadIdx where a kernel begins");
  return;
#endif
  const Session session = session_of(page);
  REQUIRE(session.commands.size() >= 4);
  std::ofstream script(scratch.folder() / "session");
  for (const std::string& line : session.commands) script << "echo === " << line << "\\n\n" << line << "\n";
  script.close();
  std::string gdb = printed.out.substr(0, printed.out.find('\n'));
  gdb.insert(gdb.find(" --args"), " -x session");
  gdb.replace(0, 3, "DEBUGINFOD_URLS= gdb -batch -ex 'set style enabled off'");
  const Run run = scratch.run(gdb, 120);
  if (has(run.err, "ptrace") || has(run.out, "ptrace")) {
    WARN("skipped: this machine lets no debugger trace a program");
    return;
  }
  INFO(gdb << "\n" << run.out << run.err);
  size_t at = 0;
  for (size_t i = 0; i < session.commands.size(); ++i) {
    at = run.out.find("=== " + session.commands[i], at);
    REQUIRE(at != std::string::npos);
    for (const std::string& line : session.answers[i]) {
      INFO("after \"" << session.commands[i] << "\": \"" << line << "\"");
      at = run.out.find(line, at);
      REQUIRE(at != std::string::npos);
    }
  }
}
