// SPDX-License-Identifier: Apache-2.0
// One harness for all ops. A test hands over the problems, the rungs, inputs, and one generic lambda that calls a
// function on buffers of float or double; the harness does the rest:
//   check_rungs     every rung on every instruction set against v0 in double; the same bits for 1, 2, 3 and 8 threads,
//                   and for AVX2 and AVX-512
//   check_gradient  v0's backward in double against central differences of v0's forward
#pragma once
#include <catch2/catch.hpp>
#include <cmath>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/parallel.h"
#include "kernels/problems.h"
#include "kernels/rung.h"
#include "tests/kernels/compare.h"

namespace limbic::test {

constexpr uint64_t seed = 20;

/// The inputs, or the outputs, of one call. Indices (argmax) are kept as numbers too.
template <class T>
using Tensors = std::vector<std::vector<T>>;

inline Tensors<double> widened(const Tensors<float>& tensors) {
  Tensors<double> wide;
  for (const auto& t : tensors) wide.emplace_back(t.begin(), t.end());
  return wide;
}

template <class T>
std::vector<int32_t> indices(const std::vector<T>& numbers) {
  return std::vector<int32_t>(numbers.begin(), numbers.end());
}

/// Prints what is wrong with what, and how to see it again.
inline void report(const Pass& pass, const std::string& what, const std::string& problem, const std::string& wrong) {
  if (wrong.empty()) return;
  FAIL_CHECK(pass.op << " " << pass.pass << ", " << what << ", " << problem << ", seed " << seed << ": " << wrong
                     << "\n  again: build/release/tests/test_kernels \"" << pass.op << "*\"");
}

/// inputs(dims) -> Tensors<float>; call(dims, function, Tensors<T> in, T* scratch) -> Tensors<T> results. `allowed` is
/// a Tolerance, or allowed(dims, Tensors<double> in) -> the largest error of each element of each result.
template <class Problems, class Dims, class Fn, class Inputs, class Call, class Reference, class Allowed = Tolerance>
void check_rungs(Pass pass, const Problems& problems, std::span<const Rung<Dims, Fn>> rungs, Reference* v0_in_double,
                 const Allowed& allowed, const Inputs& inputs, const Call& call) {
  constexpr bool by_element = std::is_invocable_v<const Allowed&, const Dims&, const Tensors<double>&>;
  const int threads_before = threads();
  for (const auto& [name, d] : problems) {
    const Tensors<float> in = inputs(d);
    const Tensors<double> truth = call(d, v0_in_double, widened(in), static_cast<double*>(nullptr));
    Tensors<double> bounds;
    if constexpr (by_element) bounds = allowed(d, widened(in));
    const auto disagrees = [&](const Tensors<float>& got, size_t i) {
      if constexpr (by_element)
        return exceeds(got[i], truth[i], bounds[i]);
      else
        return differs(got[i], truth[i], allowed);
    };
    for (const auto& rung : rungs) {
      Tensors<float> first_bits;  // of the SIMD rungs
      for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
        Fn* const run = rung.run[static_cast<int>(isa)];
        if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
        if (isa != Isa::reference && run == rung.run[0]) continue;  // plain C++: once is enough
        for (const int count : {1, 2, 3, 8}) {
          if (isa == Isa::reference && count > 1) continue;
          set_threads(count);
          std::vector<float> scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
          const Tensors<float> got = call(d, run, in, scratch.data());
          const std::string what =
              std::string(rung.name) + " " + isa_name(isa) + " " + std::to_string(count) + " threads";
          const bool compare = first_bits.empty();
          for (size_t i = 0; i < truth.size(); ++i) {
            const std::string result = what + ", result " + std::to_string(i);
            report(pass, result, name, compare ? disagrees(got, i) : other_bits(got[i], first_bits[i]));
          }
          if (isa != Isa::reference && first_bits.empty()) first_bits = got;
        }
      }
    }
    SUCCEED();
  }
  set_threads(threads_before);
}

/// Largest number of elements of an input that are moved: differences cost two forward passes each.
constexpr size_t moved_elements = 40;

/// For L = sum(y * dy): does `gradient` (of input `index`) agree with (L(x + eps) - L(x - eps)) / (2 eps)?
template <class Forward>
void check_gradient(Pass pass, const std::string& problem, Tensors<double> in, size_t index,
                    const std::vector<double>& dy, const std::vector<double>& gradient, const Forward& forward) {
  constexpr double eps = 1e-6;
  const auto loss = [&] {
    const std::vector<double> y = forward(in);
    double total = 0;
    for (size_t i = 0; i < y.size(); ++i) total += y[i] * dy[i];
    return total;
  };
  std::vector<double>& x = in[index];
  REQUIRE(gradient.size() == x.size());
  std::vector<double> got, want;
  const size_t step = std::max<size_t>(1, x.size() / moved_elements);
  for (size_t i = 0; i < x.size(); i += step) {
    const double before = x[i];
    x[i] = before + eps;
    const double above = loss();
    x[i] = before - eps;
    const double below = loss();
    x[i] = before;
    got.push_back(gradient[i]);
    want.push_back((above - below) / (2 * eps));
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::fabs(got[i] - want[i]) <= 1e-5 + 1e-3 * std::fabs(want[i])) continue;
    std::ostringstream text;
    text << "d(input " << index << ")[" << i * step << "] is " << got[i] << ", central differences say " << want[i];
    report(pass, "v0_reference in f64", problem, text.str());
    return;
  }
}

}  // namespace limbic::test
