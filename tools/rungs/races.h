// SPDX-License-Identifier: Apache-2.0
// What `limbic bench kernels` races: which problems, which rungs on each, and how they take turns. It knows no clock of
// its own, so that it races on any device.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tools/rungs/rungs.h"

namespace limbic {

struct KernelBench {
  std::string op;  ///< "": every op that has a peer
  std::vector<std::string> vs = {"cudnn", "cublas"};
  std::vector<std::string> problems;  ///< by name; none: all of the op's, or of each op the first twelve, real layers
  std::string storage;                ///< of maps: "f32", "bf16"; "": either
  std::string shape;                  ///< KEY=VALUE,... set in each of them
  int repeats = 9;
  double seconds = 0;  ///< no race begins after so many; 0: all do
};

struct KernelRace {
  std::string op, pass, problem;
};

/// Every pass that is asked for, or that a peer has, on every problem; empty problems only where they are named. With a
/// budget of seconds each pass has its first problem before any has its second.
std::vector<KernelRace> kernel_races(const KernelBench&);

struct Contestant {
  KernelInfo info;
  ReadyRung rung;
  std::vector<double> turns = {};  ///< milliseconds
  std::string failed = {};         ///< why it has none
};

/// The rungs on `device` that serve the problem, yardsticks where `vs` has them. None may: of a problem that is named,
/// that is an Error(usage).
std::vector<Contestant> contestants(const KernelBench&, const KernelRace&, Device device);

/// Launches `work` and waits for it; returns its milliseconds.
using Clock = std::function<double(const std::function<void()>& work)>;

/// One turn each that does not count (it makes arrays, and finds a peer's fastest plan), then `repeats` that do. One
/// that throws takes no further turn.
void take_turns(std::vector<Contestant>&, int repeats, const Clock&);

/// Runs `races` in order and hands each to `tell` as it ends; returns how many the budget of seconds left out.
size_t run_races(const KernelBench&, const std::vector<KernelRace>& races, Device device, const Clock&,
                 const std::function<void(const KernelRace&, const std::vector<Contestant>&)>& tell);

}  // namespace limbic
