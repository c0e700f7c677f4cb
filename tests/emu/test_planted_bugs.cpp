// SPDX-License-Identifier: Apache-2.0
// What the emulator must notice: kernels with one bug each (bugs/main.cpp), run in every order of threads.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace {

#if defined(__SANITIZE_ADDRESS__)
enum { plain, asan, tsan } constexpr build = asan;
#elif defined(__SANITIZE_THREAD__)
enum { plain, asan, tsan } constexpr build = tsan;
#else
enum { plain, asan, tsan } constexpr build = plain;
#endif

const std::string wrong = "wrong result", race = "data race", unnoticed;

struct Bug {
  std::string name;
  std::string reported[3];  ///< what the report says: plain build, ASan + UBSan, TSan; "" where it goes unnoticed
  bool names_line = true;
};

/// The emulator itself reports it, in every build.
Bug by_emulator(const std::string& name, const std::string& what) { return {name, {what, what, what}}; }
/// Guard pages find it; AddressSanitizer is quicker.
Bug by_guard(const std::string& name, const std::string& what) { return {name, {what, "Sanitizer", what}}; }
/// The result shows it, in some order of threads, and ThreadSanitizer in every one.
Bug by_result(const std::string& name) { return {name, {wrong, wrong, race}}; }

const Bug bugs[] = {
    by_guard("shared_past_end", "0 bytes past the end of shared array \"tile\""),
    {"shared_before_begin",
     {"a write just outside shared array \"tile\"", "Sanitizer", "a write just outside"},
     build == asan},
    {"shared_next_row", {unnoticed, "runtime error: index 4 out of bounds", unnoticed}},
    by_guard("global_past_end", "0 bytes past the end of a device allocation of 512 bytes"),
    by_guard("global_write_past_end", "0 bytes past the end of a device allocation of 512 bytes"),
    {"global_before_begin",
     {"a write just outside a device allocation of 512 bytes", "Sanitizer", "a write just outside"},
     build == asan},
    {"wild_pointer",  // ThreadSanitizer has no shadow for it, and faults first
     {"no device or shared memory is anywhere near", "no device or shared memory", "invalid address"},
     build != tsan},
    {"misaligned_vector", {unnoticed, "misaligned address", unnoticed}},
    {"stack_overflow", {"the stack of a thread is full", "stack", "the stack of a thread is full"}, false},
    by_result("missing_barrier"),
    by_result("lucky_without_barrier"),
    by_result("missing_barrier_at_loop_end"),
    by_result("missing_syncwarp"),
    by_emulator("barrier_in_a_branch", "divergent barrier: "),
    by_emulator("barrier_in_each_branch", "divergent barrier: "),
    by_emulator("early_return", "divergent barrier: "),
    {"race_of_equals", {unnoticed, unnoticed, race}},
    by_result("last_block_wins"),
    {"sum_without_atomics", {unnoticed, unnoticed, race}},
    {"uninitialised_shared", {wrong, wrong, wrong}, false},
    {"unwritten_output", {wrong, wrong, wrong}, false},
    {"copy_not_waited_for", {wrong, wrong, wrong}, false},
    by_result("copy_of_another_thread"),
    {"one_group_too_few", {wrong, wrong, wrong}, false},
    by_emulator("absent_lane", "absent lane: __shfl_xor_sync() reads lane "),
    by_emulator("returned_lane", "absent lane: __shfl_down_sync() reads lane "),
    by_emulator("lanes_elsewhere", "deadlock: nobody can go on: "),
    by_emulator("not_in_its_mask", "bad mask: "),
    by_emulator("two_shuffles_meet", "divergent warp: "),
    by_emulator("mma_in_part_of_a_warp", "divergent warp: "),
    by_emulator("not_rounded_to_tf32", "tf32: "),
    by_emulator("ldmatrix_misaligned", "ldmatrix: "),
    by_emulator("too_much_shared", "shared memory: more than 48 KB"),
    by_emulator("host_pointer", "host pointer: argument 1 of identity"),
    by_emulator("released_pointer", "host pointer: argument 1 of identity"),
    by_emulator("block_too_large", "launch: kernel identity: a block of 2048 threads"),
    {"host_reads_device",
     {"host code touched device memory", "host code touched device memory", "host code touched device memory"},
     false},
    {"copy_past_end", {"1024 bytes leave", "1024 bytes leave", "1024 bytes leave"}, false},
};

struct Outcome {
  bool noticed;
  std::string text;
};

Outcome run(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe);
  Outcome outcome;
  for (char part[4096]; std::fgets(part, sizeof part, pipe);) outcome.text += part;
  outcome.noticed = pclose(pipe) != 0;
  return outcome;
}

const std::string program = LIMBIC_EMU_BUGS;

/// "main.cpp:31", the line that says so.
std::string line_of(const std::string& bug) {
  std::ifstream source(LIMBIC_SOURCE_DIR "/tests/emu/bugs/main.cpp");
  int number = 0;
  for (std::string line; std::getline(source, line);) {
    ++number;
    if (line.ends_with("// bug: " + bug)) return "main.cpp:" + std::to_string(number);
  }
  return {};
}

}  // namespace

TEST_CASE("emu: every planted bug is reported, with its line") {
  for (const Bug& bug : bugs) {
    const std::string& expected = bug.reported[build];
    std::vector<std::string> orders = {"forward", "reverse", "random LIMBIC_EMU_SEED=1", "random LIMBIC_EMU_SEED=2"};
    if (build != plain) orders.resize(1);  // TSan judges by happens-before, ASan by addresses
    if (build == asan && expected == wrong) orders = {"forward", "reverse"};
    int noticed = 0;
    for (const std::string& order : orders) {
      const Outcome outcome =
          run("LIMBIC_EMU_ORDER=" + order + " TSAN_OPTIONS=halt_on_error=1 " + program + " " + bug.name);
      INFO(bug.name << ", order " << order << ", expected \"" << expected << "\":\n" << outcome.text);
      noticed += outcome.noticed;
      if (!outcome.noticed || expected.empty()) continue;
      CHECK(outcome.text.find(expected) != std::string::npos);
      if (expected != wrong && bug.names_line) CHECK(outcome.text.find(line_of(bug.name)) != std::string::npos);
    }
    INFO(bug.name << ": noticed in " << noticed << " orders of " << orders.size());
    CHECK((noticed > 0) == !expected.empty());
    if (expected != wrong && !expected.empty()) CHECK(noticed == static_cast<int>(orders.size()));
  }
}

TEST_CASE("emu: no planted bug is left out of the table") {
  std::set<std::string> listed;
  for (const Bug& bug : bugs) listed.insert(bug.name);
  const std::string names = run(program).text;
  std::set<std::string> planted;
  for (size_t begin = 0, end; (end = names.find('\n', begin)) != std::string::npos; begin = end + 1) {
    planted.insert(names.substr(begin, end - begin));
  }
  CHECK(planted == listed);
}
