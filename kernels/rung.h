// SPDX-License-Identifier: Apache-2.0
// How an op finds its kernel: an ordered list of rungs, the first that serves the shape on the device runs, and any can
// be forced by name. registry.cpp holds all the lists.
#pragma once
#include <cstddef>
#include <span>

#include "kernels/isa.h"

namespace limbic {

enum class Device { cpu, emu, cuda };
const char* device_name(Device device);

/// The queue a launch goes to: a cudaStream_t on the device, unused on the CPU.
struct Stream {
  void* handle = nullptr;
};

/// One implementation of one pass of an op. `Fn` is a plain function type, declared in the op's header.
template <class Dims, class Fn>
struct Rung {
  const char* name;  ///< "v0_reference", "cpu_winograd", ...
  const char* file;  ///< where it is written, relative to kernels/
  Device device;
  Fn* run[3];  ///< by Isa: reference, avx2, avx512. A plain C++ rung stands in all three; null: not for that Isa
  bool (*supports)(const Dims&) = nullptr;   ///< null: every shape
  size_t (*scratch)(const Dims&) = nullptr;  ///< floats it wants as scratch, from a multiple of 16 bytes on; null: none
};

/// What a pass of an op is called: op "conv2d", pass "fwd", "dx", "dw".
struct Pass {
  const char* op;
  const char* pass;
};

/// Forces rung `name` for every pass of `op` that has it (`--kernel conv2d=v0_reference`); empty name: back to default.
/// Returns false where no pass of `op` has such a rung.
bool force_kernel(const char* op, const char* name);            // registry.cpp: knows which rungs there are
void remember_forced_kernel(const char* op, const char* name);  // the bare setting, without the check

/// The name forced for `op`, or nullptr.
const char* forced_kernel(const char* op);

/// Called by the dispatcher for each launch when tracing is on (`--trace`).
struct TraceLine {
  Pass pass;
  const char* rung;
  const char* dims;  ///< "N1 H8 W8 C3 K16 R3 S3"
  double ms;
};
void set_trace(void (*sink)(const TraceLine&));  ///< nullptr: off
bool tracing();
void trace(const TraceLine& line);

/// The first rung of `rungs` that runs on `device` with the active instruction set and supports `dims`;
/// nullptr where a forced rung declines or nothing fits (callers turn that into an error with the op's name).
template <class Dims, class Fn>
const Rung<Dims, Fn>* pick(std::span<const Rung<Dims, Fn>> rungs, Pass pass, const Dims& dims, Device device);

/// Does `rung` serve this call? The one place that says so.
template <class Dims, class Fn>
bool serves(const Rung<Dims, Fn>& rung, const Dims& dims, Device device, Isa isa) {
  return rung.device == device && rung.run[static_cast<int>(isa)] && (!rung.supports || rung.supports(dims));
}

bool same_name(const char* a, const char* b);

template <class Dims, class Fn>
const Rung<Dims, Fn>* pick(std::span<const Rung<Dims, Fn>> rungs, Pass pass, const Dims& dims, Device device) {
  const Isa isa = active_isa();
  if (const char* forced = forced_kernel(pass.op)) {
    bool known = false;  // a pass without the forced rung keeps its default
    for (const auto& rung : rungs) {
      if (!same_name(rung.name, forced)) continue;
      known = true;
      if (serves(rung, dims, device, isa)) return &rung;
    }
    if (known) return nullptr;
  }
  for (const auto& rung : rungs) {
    if (serves(rung, dims, device, isa)) return &rung;
  }
  return nullptr;
}

}  // namespace limbic
