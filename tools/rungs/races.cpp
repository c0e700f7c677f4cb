// SPDX-License-Identifier: Apache-2.0
#include "tools/rungs/races.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/error.h"
#include "kernels/vendor/yardsticks.h"

namespace limbic {
namespace {

bool stored_as_asked(const KernelBench& bench, const KernelInfo& k) {
  return bench.storage.empty() || (bench.storage == "bf16") == std::string(k.pass).ends_with("_bf16");
}

std::vector<std::string> problems(const KernelBench& bench, const std::string& op) {
  if (!bench.problems.empty()) return bench.problems;
  std::vector<std::string> names = full_problem_names(op);
  if (bench.op.empty() && names.size() > 12) names.resize(12);
  return names;
}

}  // namespace

std::vector<KernelRace> kernel_races(const KernelBench& bench) {
  std::vector<std::pair<std::string, std::string>> passes;
  for (const KernelInfo& k : kernel_list()) {
    if (k.device != Device::cuda || (bench.op.empty() ? !is_yardstick(k.name) : bench.op != k.op)) continue;
    if (!stored_as_asked(bench, k)) continue;
    if (const std::pair<std::string, std::string> one{k.op, k.pass};
        std::find(passes.begin(), passes.end(), one) == passes.end()) {
      passes.push_back(one);
    }
  }
  std::vector<std::pair<size_t, KernelRace>> ranked;
  for (const auto& [op, pass] : passes) {
    size_t rank = 0;
    for (const std::string& problem : problems(bench, op)) ranked.push_back({rank++, {op, pass, problem}});
  }
  if (bench.seconds > 0) {
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  std::vector<KernelRace> races;
  for (auto& [rank, race] : ranked) races.push_back(std::move(race));
  return races;
}

std::vector<Contestant> contestants(const KernelBench& bench, const KernelRace& race, Device device) {
  std::vector<Contestant> found;
  std::optional<Error> declined;
  for (const KernelInfo& k : kernel_list()) {
    if (race.op != k.op || race.pass != k.pass || k.device != device) continue;
    const bool asked = std::any_of(bench.vs.begin(), bench.vs.end(),
                                   [&](const std::string& peer) { return std::string(k.name).starts_with(peer); });
    if (is_yardstick(k.name) && !asked) continue;
    RungChoice choice{race.op, k.name, race.pass, {race.problem}, device};
    if (!bench.shape.empty()) choice.shape.push_back(bench.shape);
    try {
      found.push_back({k, prepare_rung(choice)});
    } catch (const Error& error) {  // does not serve the shape
      if (error.code != ExitCode::usage) throw;
      declined = error;
    } catch (const std::exception& error) {
      found.push_back({k, {}, {}, error.what()});
      found.back().rung.dims = race.problem;
    }
  }
  if (found.empty() && declined && !bench.problems.empty()) throw *declined;
  return found;
}

void take_turns(std::vector<Contestant>& all, int repeats, const Clock& clock) {
  for (int turn = -1; turn < repeats; ++turn) {
    for (Contestant& one : all) {
      if (!one.failed.empty()) continue;
      try {
        const double ms = clock(one.rung.launch);
        if (turn >= 0) one.turns.push_back(ms);
      } catch (const std::exception& error) {
        one.failed = error.what();
      }
    }
  }
}

size_t run_races(const KernelBench& bench, const std::vector<KernelRace>& races, Device device, const Clock& clock,
                 const std::function<void(const KernelRace&, const std::vector<Contestant>&)>& tell) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < races.size(); ++i) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    if (bench.seconds > 0 && passed.count() > bench.seconds) return races.size() - i;
    std::vector<Contestant> all = contestants(bench, races[i], device);
    take_turns(all, bench.repeats, clock);
    tell(races[i], all);
  }
  return 0;
}

}  // namespace limbic
