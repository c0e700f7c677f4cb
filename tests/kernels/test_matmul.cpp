// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul/matmul_v0_reference.h"
#include "kernels/parallel.h"
#include "kernels/problems.h"
#include "tests/kernels/compare.h"

using namespace limbic;
using namespace limbic::test;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

/// Small enough for a reference, past every tile and block boundary.
MatmulDims shrunk(MatmulDims d) {
  d.M = std::min(d.M, 131), d.N = std::min(d.N, 129);
  if (d.K > 2000) d.K = 1029;
  return d;
}

int64_t a_size(const MatmulDims& d) { return int64_t(d.batch) * d.M * d.K; }
int64_t b_size(const MatmulDims& d) { return int64_t(d.batch) * d.K * d.N; }
int64_t c_size(const MatmulDims& d) { return int64_t(d.batch) * d.M * d.N; }

std::string describe(const char* problem, const char* rung, Isa isa, const MatmulDims& d) {
  std::ostringstream text;
  text << "matmul " << rung << " (" << isa_name(isa) << ") \"" << problem << "\" M" << d.M << " N" << d.N << " K" << d.K
       << " trans_a " << d.trans_a << " trans_b " << d.trans_b << " batch " << d.batch << " seeds 1,2,3";
  return text.str();
}

Floats run(const Rung<MatmulDims, Matmul>& rung, Isa isa, const MatmulDims& d, const Floats& a, const Floats& b,
           const float* bias) {
  Floats c(c_size(d), NAN), scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
  rung.run[static_cast<int>(isa)](d, a.data(), b.data(), bias, c.data(), scratch.data(), {});
  return c;
}

Doubles truth(const MatmulDims& d, const Doubles& a, const Doubles& b, const Doubles& bias) {
  Doubles c(c_size(d));
  matmul_fwd_v0_reference<double>(d, a.data(), b.data(), bias.empty() ? nullptr : bias.data(), c.data(), nullptr, {});
  return c;
}

}  // namespace

TEST_CASE("matmul: every rung equals the f64 reference") {
  for (const auto& [name, full] : matmul_problems) {
    const MatmulDims d = shrunk(full);
    const Floats a = whole_numbers(a_size(d), 1), b = whole_numbers(b_size(d), 2), bias = whole_numbers(d.N, 3);
    const Floats ra = uniform(a_size(d), 1), rb = uniform(b_size(d), 2);
    const Doubles exact = truth(d, doubles(a), doubles(b), doubles(bias));
    const Doubles expected = truth(d, doubles(ra), doubles(rb), {});
    Doubles tolerance = truth(d, magnitudes(ra), magnitudes(rb), {});
    for (double& t : tolerance) t *= 4 * std::sqrt(double(d.K)) * 0x1p-24;
    for (const auto& rung : matmul_fwd_rungs())
      for (Isa isa : isas_here()) {
        if (!serves(rung, d, Device::cpu, isa)) continue;
        const std::string what = describe(name, rung.name, isa, d);
        expect_equal(what + " whole numbers", differs(run(rung, isa, d, a, b, bias.data()), exact, {0, 0}));
        expect_equal(what, exceeds(run(rung, isa, d, ra, rb, nullptr), expected, tolerance));
      }
  }
}

TEST_CASE("matmul: same bits for any number of threads, any instruction set, and a row alone or among others") {
  const int before = threads();
  for (const auto& [name, full] : matmul_problems) {
    const MatmulDims d = shrunk(full);
    const Floats a = uniform(a_size(d), 1), b = uniform(b_size(d), 2);
    for (const auto& rung : matmul_fwd_rungs()) {
      if (rung.run[0]) continue;  // plain references are outside this promise
      Floats first;
      for (Isa isa : isas_here())
        for (int count : {1, 2, 3, 8}) {
          if (!serves(rung, d, Device::cpu, isa)) continue;
          set_threads(count);
          const Floats c = run(rung, isa, d, a, b, nullptr);
          if (first.empty()) first = c;
          expect_equal(describe(name, rung.name, isa, d) + " threads " + std::to_string(count), other_bits(c, first));
        }
      if (first.empty() || d.batch > 1 || d.trans_a) continue;
      MatmulDims one = d;
      one.M = 1;
      for (int m = 0; m < d.M; m += 7) {
        const Floats row(a.begin() + int64_t(m) * d.K, a.begin() + int64_t(m + 1) * d.K);
        const Floats c = run(rung, isas_here().back(), one, row, b, nullptr);
        expect_equal(describe(name, rung.name, isas_here().back(), d) + " row " + std::to_string(m),
                     other_bits(c.data(), first.data() + int64_t(m) * d.N, d.N));
      }
    }
  }
  set_threads(before);
}
