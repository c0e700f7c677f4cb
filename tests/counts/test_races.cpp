// SPDX-License-Identifier: Apache-2.0
// What `limbic bench kernels` races, on the emulator: its problems can be run, and one that fails takes no other along.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "engine/error.h"
#include "tools/rungs/races.h"

using namespace limbic;

namespace {

double launched(const std::function<void()>& work) { return work(), 1.0; }

KernelBench small_softmax() {
  KernelBench bench;
  bench.op = "softmax";
  bench.shape = "rows=3,C=40";
  bench.repeats = 2;
  return bench;
}

std::vector<Contestant> softmax_contestants() {
  const KernelBench bench = small_softmax();
  return contestants(bench, kernel_races(bench).front(), Device::emu);
}

}  // namespace

TEST_CASE("bench kernels without an op: each pass that a peer has, on problems of which a rung of ours serves each") {
  std::set<std::string> ops;
  const KernelBench bench;
  const std::vector<KernelRace> races = kernel_races(bench);
  CHECK(races.size() > 100);
  for (const KernelRace& race : races) {
    INFO(race.op << " " << race.pass << ", " << race.problem);
    ops.insert(race.op);
    CHECK(race.problem.rfind("no ", 0) == std::string::npos);  // "no row [0,8]"
    const std::vector<Contestant> all = contestants(bench, race, Device::emu);
    CHECK(!all.empty());
    for (const Contestant& one : all) CHECK(one.failed == "");
  }
  for (const char* op : {"conv2d", "matmul", "softmax", "grid_sample", "lstm", "pool2d", "batch_norm"}) {
    CHECK(ops.count(op) == 1);
  }
}

TEST_CASE(
    "bench kernels: a problem that is named and that nothing serves is an error, of all problems it is passed by") {
  KernelBench bench;
  bench.op = "softmax";
  for (const KernelRace& race : kernel_races(bench)) CHECK(race.problem != "no row [0,8]");
  bench.problems = {"no row [0,8]"};
  const std::vector<KernelRace> named = kernel_races(bench);
  REQUIRE(!named.empty());
  CHECK_THROWS_AS(contestants(bench, named[0], Device::emu), Error);
  bench.problems.clear();
  CHECK(contestants(bench, named[0], Device::emu).empty());
}

TEST_CASE("bench kernels: every rung has its turns, and one that fails says why and takes no other along") {
  std::vector<Contestant> all = softmax_contestants();
  REQUIRE(all.size() > 1);
  all[0].rung.launch = [] { throw std::runtime_error("cudnnSoftmaxForward returns 8"); };
  take_turns(all, 3, launched);
  CHECK(all[0].failed == "cudnnSoftmaxForward returns 8");
  CHECK(all[0].turns.empty());
  for (size_t i = 1; i < all.size(); ++i) {
    CHECK(all[i].failed == "");
    CHECK(all[i].turns == std::vector<double>(3, 1.0));
  }
}

TEST_CASE(
    "bench kernels --seconds: what has been raced is told, the rest is counted, and every pass has a turn first") {
  KernelBench bench = small_softmax();
  const std::vector<KernelRace> all = kernel_races(bench);
  size_t told = 0, rungs = 0;
  const auto tell = [&](const KernelRace& race, const std::vector<Contestant>& raced) {
    CHECK(race.op == "softmax");
    for (const Contestant& one : raced) rungs += one.turns.size() == 2;
    ++told;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  };
  bench.seconds = 0.05;
  const std::vector<KernelRace> races = kernel_races(bench);
  CHECK(run_races(bench, races, Device::emu, launched, tell) == all.size() - 1);
  CHECK(told == 1);
  CHECK(rungs > 1);
  CHECK(races.size() == all.size());
  CHECK(races[0].problem == races[1].problem);  // fwd, bwd
  CHECK(races[0].pass != races[1].pass);
  CHECK(all[0].problem != all[1].problem);
}
