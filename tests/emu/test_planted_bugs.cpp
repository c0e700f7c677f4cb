// SPDX-License-Identifier: Apache-2.0
// What the emulator must notice: kernels with one bug each (bugs/), run in every order of threads.
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
    by_result("tile_read_too_early"),
    by_emulator("copy_left_behind", "bulk copy: the block ends before anybody has waited for the one at "),
    by_emulator("too_many_bytes_expected", "phase 0, lacks 0 arrival(s), and has 8192 bytes of 10240"),
    by_emulator("too_few_bytes_expected", "mbarrier: 8192 bytes are copied in a phase that expects 4096"),
    by_emulator("parity_to_come", "deadlock: nobody can go on: "),
    by_emulator("parity_gone_by", "wgmma: operand a is the target of a bulk copy that nobody has waited for"),
    by_emulator("mbarrier_not_known_yet", "mbarrier: mbarrier_wait() on what no thread has initialised"),
    by_emulator("mbarrier_of_each_thread", "mbarrier: initialised again"),
    by_emulator("too_many_arrivals", "mbarrier: more arrivals than the 1 of a phase"),
    by_emulator("bulk_copy_misaligned", "bulk copy: the target does not begin at a multiple of 1024 bytes"),
    by_emulator("bulk_copy_past_end", "bulk copy: the target is not in this block's shared memory"),
    by_emulator("bulk_copy_over_another", "bulk copy: an earlier copy to the same shared memory"),
    by_emulator("operand_overwritten", "bulk copy: it overwrites an operand of a wgmma"),
    {"accumulators_read_too_early", {wrong, wrong, wrong}, false},
    by_emulator("accumulators_written_too_early", "wgmma: accumulators were written before wgmma_wait()"),
    by_emulator("wgmma_without_fence", "wgmma: no wgmma_fence() orders"),
    by_emulator("wgmma_without_commit", "wgmma: a thread returns before its warpgroup has waited for it"),
    by_emulator("wgmma_without_wait", "wgmma: a thread returns before its warpgroup has waited for it"),
    by_emulator("wgmma_in_part_of_a_warpgroup", "divergent warpgroup: "),
    by_emulator("wgmma_of_two_warps", "divergent warpgroup: wgmma_fence() needs four whole warps"),
    by_emulator("descriptors_differ", "divergent warpgroup: wgmma with other descriptors"),
    by_emulator("descriptor_misaligned", "wgmma: misaligned: a descriptor counts in 16 bytes"),
    by_emulator("rows_misaligned", "wgmma: operand b is misaligned: "),
    by_emulator("operand_past_end", "wgmma: operand b leaves the dynamic shared memory"),
    {"released_by_one_lane", {unnoticed, unnoticed, race}},
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
  for (const std::string file : {"main.cpp", "warpgroups.cpp"}) {
    std::ifstream source(LIMBIC_SOURCE_DIR "/tests/emu/bugs/" + file);
    int number = 0;
    for (std::string line; std::getline(source, line);) {
      ++number;
      if (line.ends_with("// bug: " + bug)) return file + ":" + std::to_string(number);
    }
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
