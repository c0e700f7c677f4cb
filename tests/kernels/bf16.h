// SPDX-License-Identifier: Apache-2.0
// How the rungs for maps stored in bf16 are held against f64: on inputs that are bf16 already, so that what they read
// is what the reference reads, and with results that may be off by their own rounding, half a unit in the 8th bit,
// besides what the arithmetic in f32 is allowed. A rung of the CPU also gives the bits of the rung of its name in f32,
// rounded.
#pragma once
#include "kernels/bf16.h"
#include "tests/kernels/harness.h"

namespace limbic::test {

inline float rounded(float x) { return widen(narrow(x)); }
inline std::vector<float> rounded(std::vector<float> x) {
  for (float& v : x) v = rounded(v);
  return x;
}
inline std::vector<bf16> narrowed(const std::vector<float>& x) {
  std::vector<bf16> y;
  for (const float v : x) y.push_back(narrow(v));
  return y;
}
inline std::vector<float> widened(const std::vector<bf16>& x) {
  std::vector<float> y;
  for (const bf16 v : x) y.push_back(widen(v));
  return y;
}

/// inputs(dims) of which those named in `stored` are rounded to bf16.
inline auto rounded_inputs(const auto& inputs, std::vector<size_t> stored) {
  return [=](const auto& d) {
    Tensors<float> in = inputs(d);
    for (const size_t i : stored) in[i] = rounded(in[i]);
    return in;
  };
}

/// A bound on f32 results becomes one on what is stored of them.
inline std::vector<double> and_rounding(std::vector<double> bound, const std::vector<double>& truth) {
  for (size_t i = 0; i < bound.size(); ++i) bound[i] += 0x1p-8 * (std::fabs(truth[i]) + bound[i]);
  return bound;
}

/// A Buffer (cases.h) that a kernel may take as float or as bf16. Fresh ones are NaN.
class MapBuffer {
 public:
  explicit MapBuffer(size_t n) : MapBuffer(std::vector<float>(n, NAN)) {}
  explicit MapBuffer(const std::vector<float>& numbers) : wide_(numbers), narrow_(narrowed(numbers)) {}

  struct Reads {
    const MapBuffer& of;
    operator const float*() const { return of.wide_.data(); }
    operator const bf16*() const { return of.narrow_.data(); }
  };
  struct Writes {
    MapBuffer& of;
    operator float*() const { return of.wide_.data(); }
    operator bf16*() const { return of.stored_ = true, of.narrow_.data(); }
  };
  Reads data() const { return {*this}; }
  Writes data() { return {*this}; }
  size_t size() const { return wide_.size(); }
  std::vector<float> numbers() const { return stored_ ? widened(narrow_) : wide_; }

 private:
  std::vector<float> wide_;
  std::vector<bf16> narrow_;
  bool stored_ = false;  // a kernel wrote bf16
};

inline std::vector<int32_t> integers_beside(const MapBuffer&, size_t n) { return std::vector<int32_t>(n); }
inline MapBuffer as_numbers(const MapBuffer&, const std::vector<int32_t>& integers) {
  return MapBuffer(std::vector<float>(integers.begin(), integers.end()));
}
inline MapBuffer copy_of(const MapBuffer& numbers) { return numbers; }

/// `call` on MapBuffers, but in double as it is.
inline auto on_maps(const auto& call) {
  return [=]<class T>(const auto& d, auto run, const Tensors<T>& in, auto* scratch) {
    if constexpr (std::is_same_v<T, double>) {
      return call(d, run, in, scratch);
    } else {
      std::vector<MapBuffer> inputs;
      for (const auto& numbers : in) inputs.emplace_back(numbers);
      Tensors<float> results;
      for (const MapBuffer& result : call(d, run, inputs, scratch)) results.push_back(result.numbers());
      return results;
    }
  };
}

/// check_rungs for maps stored in bf16: `stored_in` and `stored_out` name the inputs and results that are.
template <class Problems, class Dims, class Fn, class FnF32, class Reference, class Allowed = Tolerance>
void check_bf16_rungs(Pass pass, const Problems& problems, std::span<const Rung<Dims, Fn>> rungs,
                      std::span<const Rung<Dims, FnF32>> rungs_in_f32, Reference* v0_in_double, const Allowed& allowed,
                      const auto& inputs, const std::vector<size_t>& stored_in, const auto& call,
                      const std::vector<size_t>& stored_out) {
  const auto in_bf16 = rounded_inputs(inputs, stored_in);
  const auto bounds = [&](const Dims& d, const Tensors<double>& in) {
    const Tensors<double> truth = call(d, v0_in_double, in, static_cast<double*>(nullptr));
    Tensors<double> bound;
    if constexpr (std::is_same_v<Allowed, Tolerance>) {
      for (const auto& t : truth) {
        double largest = 1;
        for (const double want : t) largest = std::max(largest, std::fabs(want));
        bound.emplace_back();
        for (const double want : t)
          bound.back().push_back(allowed.relative * std::fabs(want) + allowed.absolute * largest);
      }
    } else {
      bound = allowed(d, in);
    }
    for (const size_t i : stored_out) bound[i] = and_rounding(bound[i], truth[i]);
    return bound;
  };
  check_rungs(pass, problems, rungs, v0_in_double, bounds, in_bf16, on_maps(call));

  const Isa isa = active_isa();
  size_t compared = 0;
  for (const auto& [name, d] : problems) {
    const Tensors<float> in = in_bf16(d);
    const auto run = [&](const auto& rung) {
      std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
      return on_maps(call)(d, rung.run[static_cast<int>(isa)], in, scratch.data());
    };
    for (const auto& rung : rungs) {
      if (!serves(rung, d, Device::cpu, isa)) continue;
      for (const auto& same : rungs_in_f32) {
        if (!same_name(same.name, rung.name)) continue;
        ++compared;
        const Tensors<float> got = run(rung);
        Tensors<float> expected = run(same);
        for (const size_t i : stored_out) expected[i] = rounded(expected[i]);
        for (size_t i = 0; i < got.size(); ++i) {
          report(pass, std::string(rung.name) + " beside f32, result " + std::to_string(i), name,
                 other_bits(got[i], expected[i]));
        }
      }
    }
  }
  CHECK(compared >= std::size(problems));
}

}  // namespace limbic::test
