// SPDX-License-Identifier: Apache-2.0
// One rung of one op on one shape, ready to be launched: for `limbic kernels run`, `count`, `show` and `debug`.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kernels/emu/scheduler.h"
#include "kernels/registry.h"

namespace limbic {

struct RungChoice {
  std::string op, rung;
  std::string pass;                ///< "": the op's first that has the rung
  std::vector<std::string> shape;  ///< a problem's name, or KEY=VALUE,...; what comes later wins
  Device device = Device::cpu;
};

struct ReadyRung {
  Pass pass;
  std::string rung, dims;
  const char* file;              ///< relative to kernels/
  std::function<void()> prepare;  ///< makes its arrays
  std::function<void()> launch;   ///< with them; the first makes them where `prepare` did not
  std::function<size_t()> bytes;  ///< of those arrays, scratch left out: what it must read or write once
  double flop;                    ///< multiply-adds counted as two; 0 for an op that only moves data
};

/// The names of the problems of an op; none where there is no such op.
std::vector<std::string> problem_names(const std::string& op);
/// Those of them that are no empty array: "no row [0,8]" is one that tests alone want.
std::vector<std::string> full_problem_names(const std::string& op);

/// Throws Error(usage) with what there is instead where op, rung, pass or shape are unknown or the rung declines the
/// shape, and Error(device) where the device is not there.
ReadyRung prepare_rung(const RungChoice& choice);

/// What the rung launches on the emulator, which does none of it.
std::vector<emu::Launch> rung_launches(const ReadyRung& rung);

/// The rung's line in the registry, for choices without a shape; throws as prepare_rung does.
KernelInfo find_rung(const RungChoice& choice);

}  // namespace limbic
