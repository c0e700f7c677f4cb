// SPDX-License-Identifier: Apache-2.0
// From an op to a kernel: picks the rung, gives it scratch from the pool, traces it. For the engine and the front ends.
#pragma once
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/recording.h"
#include "engine/storage.h"
#include "engine/tensor.h"
#include "kernels/gpu_runtime.h"
#include "kernels/rung.h"
#include "kernels/vendor/yardsticks.h"

namespace limbic {

/// Throws Error(ExitCode::usage) with the parts as its text; shapes are written [2,8,8,3].
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream text;
  const auto write = [&text](const auto& part) {
    if constexpr (std::is_same_v<std::decay_t<decltype(part)>, Shape>) {
      text << shape_text(part);
    } else {
      text << part;
    }
  };
  (write(parts), ...);
  throw Error(ExitCode::usage, text.str());
}

/// An extent as the kernels count it; refuses one that is beyond an int.
inline int extent(const char* op, int64_t value) {
  if (value > std::numeric_limits<int>::max()) refuse(op, ": an extent of ", value, " is too large");
  return static_cast<int>(value);
}

// What `--trace` and errors call a problem: "N1 H8 W8 C3 K16 R3 S3".
std::string dims_text(const struct Conv2dDims&);
std::string dims_text(const struct MatmulDims&);
std::string dims_text(const struct BatchNormDims&);
std::string dims_text(const struct BatchNormPoolDims&);
std::string dims_text(const struct Pool2dDims&);
std::string dims_text(const struct AffineGridDims&);
std::string dims_text(const struct GridSampleDims&);
std::string dims_text(const struct LstmDims&);
std::string dims_text(const struct AttentionDims&);
std::string dims_text(const struct ReduceDims&);
std::string dims_text(const struct UnaryDims&);
std::string dims_text(const struct BinaryDims&);
std::string dims_text(const struct SoftmaxDims&);
std::string dims_text(const struct CrossEntropyDims&);
std::string dims_text(const struct BceDims&);
std::string dims_text(const struct DropoutDims&);
std::string dims_text(const struct StftDims&);
std::string dims_text(const struct LogMelDims&);
std::string dims_text(const struct CopyDims&);
std::string dims_text(const struct CastDims&);
std::string dims_text(const struct AdamDims&);
std::string dims_text(const struct SgdDims&);
std::string dims_text(const struct MovingAverageDims&);
std::string dims_text(const struct SumSquaresDims&);

/// Where an op without kernels for bf16 begins: x in f32, recorded, so that its gradient goes back in bf16.
inline Tensor in_f32(const Tensor& x) { return x.dtype() == DType::bf16 ? cast(x, DType::f32) : x; }

/// body(StoredAs<float>) or body(StoredAs<bf16>), as x's numbers are stored.
template <class Body>
void by_storage(const Tensor& x, const Body& body) {
  if (x.dtype() == DType::bf16) {
    body(StoredAs<bf16>{});
  } else {
    body(StoredAs<float>{});
  }
}

/// dims_text, and " bf16" where kernels of this type take such arrays.
template <class Dims, class... Args>
std::string problem_text(const Dims& dims, void (*)(Args...)) {
  constexpr bool narrow = (std::is_same_v<std::remove_cv_t<std::remove_pointer_t<Args>>, bf16> || ...);
  return dims_text(dims) + (narrow ? " bf16" : "");
}

[[noreturn]] void refuse_kernel(Pass pass, const std::string& dims, Device device);  // says which forced rung declined

/// The rung that serves `dims`; throws where none does. A yardstick, behind ours in every list, runs only where it is
/// forced or yardsticks are preferred: not even where it alone serves.
template <class Dims, class Fn>
const Rung<Dims, Fn>& choose(std::span<const Rung<Dims, Fn>> rungs, Pass pass, Device device, const Dims& dims) {
  if (yardsticks_preferred() && !forced_kernel(pass.op)) {
    for (const auto& rung : rungs) {
      if (is_yardstick(rung.name) && serves(rung, dims, device, active_isa())) return rung;
    }
  }
  const auto* rung = pick(rungs, pass, dims, device);
  if (!rung || (is_yardstick(rung->name) && !forced_kernel(pass.op))) {
    refuse_kernel(pass, problem_text(dims, static_cast<Fn*>(nullptr)), device);
  }
  return *rung;
}

/// Runs a chosen rung: fn(dims, args..., scratch, stream), with so many floats of scratch where its type has one.
template <class Dims, class Fn, class... Args>
void run_with(size_t scratch_floats, const Rung<Dims, Fn>& rung, Pass pass, const Dims& dims, Args... args) {
  if (Recording::current() && is_yardstick(rung.name)) {
    throw Error(ExitCode::failure, "a recorded step cannot hold a yardstick, whose workspace moves");
  }
  Fn* fn = rung.run[static_cast<int>(active_isa())];
  const auto call = [&] {
    if constexpr (std::is_invocable_v<Fn*, const Dims&, Args..., Stream>) {
      fn(dims, args..., compute_stream());
    } else {
      std::optional<Block> scratch;
      const Recording* const recording = Recording::current();
      if (scratch_floats) {
        scratch.emplace(scratch_floats * sizeof(float), rung.device, recording ? recording->memory() : nullptr);
      }
      fn(dims, args..., scratch ? scratch->floats() : nullptr, compute_stream());
    }
  };
  if (!tracing() || Recording::current()) return call();
  const auto start = std::chrono::steady_clock::now();
  call();
  if (const GpuRuntime* const gpu = gpu_runtime(rung.device)) gpu->synchronize({});
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  trace({pass, rung.name, problem_text(dims, fn).c_str(), elapsed.count()});
}

/// The same with the scratch that it asks for.
template <class Dims, class Fn, class... Args>
void run(const Rung<Dims, Fn>& rung, Pass pass, const Dims& dims, Args... args) {
  run_with(rung.scratch ? rung.scratch(dims) : 0, rung, pass, dims, args...);
}

/// Both: the usual way from an op to its kernel.
template <class Dims, class Fn, class... Args>
void launch(std::span<const Rung<Dims, Fn>> rungs, Pass pass, Device device, const Dims& dims, Args... args) {
  run(choose(rungs, pass, device, dims), pass, dims, args...);
}

}  // namespace limbic
