// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv2d/conv2d_v0_reference.h"
#include "kernels/parallel.h"
#include "kernels/problems.h"
#include "tests/kernels/bf16.h"

using namespace limbic;
using namespace limbic::test;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

int64_t x_size(const Conv2dDims& d) { return int64_t(d.N) * d.H * d.W * d.C; }
int64_t w_size(const Conv2dDims& d) { return int64_t(d.K) * d.R * d.S * (d.C / d.groups); }
int64_t y_size(const Conv2dDims& d) { return int64_t(d.N) * d.P() * d.Q() * d.K; }

/// The same kind of layer, small enough for a reference: above a register tile, and still of 16s where it was.
Conv2dDims shrunk(Conv2dDims d) {
  d.N = std::min(d.N, 2);
  if (d.H > 50) d.H = d.R > 5 ? 39 : 19;
  if (d.W > 50) d.W = d.S > 5 ? 47 : d.H == 1 ? 51 : 21;
  const double products = double(d.N) * d.P() * d.Q() * d.K * d.R * d.S * d.C;
  if (d.groups == 1 && products > 80e6) d.C = std::min(d.C, 64), d.K = std::min(d.K, 80);
  return d;
}

std::string describe(const char* problem, const char* pass, const char* rung, Isa isa, const Conv2dDims& d) {
  std::ostringstream text;
  text << "conv2d " << pass << " " << rung << " (" << isa_name(isa) << ") \"" << problem << "\" N" << d.N << " H" << d.H
       << " W" << d.W << " C" << d.C << " K" << d.K << " R" << d.R << " S" << d.S << " stride " << d.stride_h << ","
       << d.stride_w << " padding " << d.pad_h << "," << d.pad_w << " dilation " << d.dilation_h << "," << d.dilation_w
       << " groups " << d.groups << " seeds 1,2,3";
  return text.str();
}

bool transforms(const char* rung) { return std::strstr(rung, "winograd") != nullptr; }

struct Inputs {
  Floats x, w, dy;
  Inputs(const Conv2dDims& d, bool whole)
      : x(fill(x_size(d), 1, whole)), w(fill(w_size(d), 2, whole)), dy(fill(y_size(d), 3, whole)) {}

 private:
  static Floats fill(int64_t n, uint64_t key, bool whole) { return whole ? whole_numbers(n, key) : uniform(n, key); }
};

/// Runs a rung of the pass into NaNs.
Floats run(const char*, const Rung<Conv2dDims, Conv2dForward>& rung, Isa isa, const Conv2dDims& d, const Inputs& in) {
  Floats y(y_size(d), NAN), scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
  rung.run[static_cast<int>(isa)](d, in.x.data(), in.w.data(), nullptr, {}, y.data(), scratch.data(), {});
  return y;
}
Floats run(const char* pass, const Rung<Conv2dDims, Conv2dDx>& rung, Isa isa, const Conv2dDims& d, const Inputs& in) {
  static_assert(std::is_same_v<Conv2dDx, Conv2dDw>);
  const bool dx = std::strcmp(pass, "dx") == 0;
  Floats result(dx ? x_size(d) : w_size(d), NAN), scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
  rung.run[static_cast<int>(isa)](d, dx ? in.dy.data() : in.x.data(), dx ? in.w.data() : in.dy.data(), result.data(),
                                  scratch.data(), {});
  return result;
}

struct Truth {
  Doubles y, dx, dw;
  Truth(const Conv2dDims& d, const Doubles& x, const Doubles& w, const Doubles& dy)
      : y(y_size(d)), dx(x_size(d)), dw(w_size(d)) {
    conv2d_fwd_v0_reference<double>(d, x.data(), w.data(), nullptr, {}, y.data(), nullptr, {});
    conv2d_dx_v0_reference<double>(d, dy.data(), w.data(), dx.data(), nullptr, {});
    conv2d_dw_v0_reference<double>(d, x.data(), dy.data(), dw.data(), nullptr, {});
  }
};

Doubles forward_in_f64(const Conv2dDims& d, const Doubles& x, const Doubles& w) {
  Doubles y(y_size(d));
  conv2d_fwd_v0_reference<double>(d, x.data(), w.data(), nullptr, {}, y.data(), nullptr, {});
  return y;
}

/// Of maps stored in bf16, into NaNs.
std::vector<bf16> run_bf16(const Rung<Conv2dDims, Conv2dForwardOf<bf16>>& rung, Isa isa, const Conv2dDims& d,
                           const Inputs& in) {
  const std::vector<bf16> x = narrowed(in.x), w = narrowed(in.w);
  std::vector<bf16> y(y_size(d), narrow(NAN));
  Floats scratch(rung.scratch ? rung.scratch(d) : 0, NAN);
  rung.run[static_cast<int>(isa)](d, x.data(), w.data(), nullptr, {}, y.data(), scratch.data(), {});
  return y;
}

template <class Visitor>
void each_pass(const Visitor& visit) {
  visit("fwd", conv2d_fwd_rungs(), &Truth::y, [](const Conv2dDims& d) { return d.R * d.S * d.C / d.groups; });
  visit("dx", conv2d_dx_rungs(), &Truth::dx, [](const Conv2dDims& d) { return d.R * d.S * d.K / d.groups; });
  visit("dw", conv2d_dw_rungs(), &Truth::dw, [](const Conv2dDims& d) { return d.N * d.P() * d.Q(); });
}

/// The error allowed to a sum of `length` products, as a part of the sum of their magnitudes.
double sum_error(int length) { return 4 * std::sqrt(double(length)) * 0x1p-24; }

/// Rungs of plain C++ stand in all three entries: once is enough.
template <class RungType>
bool repeats(const RungType& rung, Isa isa) {
  return isa != Isa::reference && rung.run[0] == rung.run[static_cast<int>(isa)];
}

}  // namespace

TEST_CASE("conv2d: every rung equals the f64 reference") {
  for (const auto& [name, full] : conv2d_problems) {
    const Conv2dDims d = shrunk(full);
    const Inputs whole(d, true), in(d, false);
    const Truth exact(d, doubles(whole.x), doubles(whole.w), doubles(whole.dy));
    const Truth truth(d, doubles(in.x), doubles(in.w), doubles(in.dy));
    const Truth scale(d, magnitudes(in.x), magnitudes(in.w), magnitudes(in.dy));
    each_pass([&](const char* pass, const auto& rungs, Doubles Truth::*result, auto length) {
      for (const auto& rung : rungs)
        for (Isa isa : isas_here()) {
          if (!serves(rung, d, Device::cpu, isa) || repeats(rung, isa)) continue;
          const std::string what = describe(name, pass, rung.name, isa, d);
          if (transforms(rung.name)) {
            expect_equal(what, exceeds_of_peak(run(pass, rung, isa, d, in), truth.*result, 1e-5, 1e-4));
            continue;
          }
          expect_equal(what + " whole numbers", differs(run(pass, rung, isa, d, whole), exact.*result, {0, 0}));
          Doubles tolerance = scale.*result;
          for (double& t : tolerance) t *= sum_error(length(d));
          expect_equal(what, exceeds(run(pass, rung, isa, d, in), truth.*result, tolerance));
        }
    });
  }
}

TEST_CASE("conv2d: epilogue centres, scales, shifts and clips; prepared weights give the same bits") {
  for (const Conv2dDims d : {Conv2dDims{2, 11, 9, 20, 37, 3, 3, 1, 1, 1, 1}, Conv2dDims{1, 30, 33, 64, 48, 3, 3}}) {
    const Inputs in(d, false);
    const Floats scale = uniform(d.K, 4), shift = uniform(d.K, 5), mean = uniform(d.K, 6, 0, -20, 20);
    const Doubles sums = Truth(d, doubles(in.x), doubles(in.w), doubles(in.dy)).y;
    const Doubles size = Truth(d, magnitudes(in.x), magnitudes(in.w), magnitudes(in.dy)).y;
    double peak = 0;
    for (const double v : sums) peak = std::max(peak, std::fabs(v));
    for (const auto& rung : conv2d_fwd_rungs())
      for (Isa isa : isas_here()) {
        if (!serves(rung, d, Device::cpu, isa)) continue;
        if (isa != Isa::reference) REQUIRE(select_isa(isa_name(isa)) == nullptr);
        Floats prepared(conv2d_prepared_size(rung.name, d, StoredAs<float>{})), scratch(rung.scratch ? rung.scratch(d) : 0);
        conv2d_prepare(rung.name, d, in.w.data(), prepared.data(), StoredAs<float>{});
        for (bool scaled : {false, true})
          for (bool relu : {false, true}) {
            Doubles expected = sums, bound(sums.size());
            for (size_t i = 0; i < expected.size(); ++i) {
              const double centre = scaled ? mean[i % d.K] : 0, factor = scaled ? scale[i % d.K] : 1;
              const double scaled_sum = (expected[i] - centre) * factor;
              // the sum's own error, scaled; and the roundings of sum - mean, its product (in plain C++), and y
              const double of_sum = transforms(rung.name) ? 1e-4 * peak : sum_error(d.R * d.S * d.C) * size[i];
              bound[i] = of_sum * std::fabs(factor) + 4 * 0x1p-24 * (std::fabs(scaled_sum) + std::fabs(shift[i % d.K]));
              expected[i] = scaled_sum + shift[i % d.K];
              if (relu) expected[i] = std::max(expected[i], 0.0);
            }
            const Conv2dEpilogue epilogue{scaled ? mean.data() : nullptr, scaled ? scale.data() : nullptr, shift.data(),
                                          relu};
            Floats y(y_size(d)), again(y_size(d));
            rung.run[static_cast<int>(isa)](d, in.x.data(), in.w.data(), nullptr, epilogue, y.data(), scratch.data(),
                                            {});
            expect_equal(describe("epilogue", "fwd", rung.name, isa, d), exceeds(y, expected, bound));
            if (prepared.empty()) continue;
            Floats less(scratch.size() - prepared.size());
            rung.run[static_cast<int>(isa)](d, in.x.data(), in.w.data(), prepared.data(), epilogue, again.data(), less.data(),
                                            {});
            expect_equal(describe("prepared", "fwd", rung.name, isa, d), other_bits(again, y));
          }
      }
  }
}

TEST_CASE("conv2d: same bits for any number of threads, any instruction set, and an image alone or in a batch") {
  const int before = threads();
  for (const auto& [name, full] : conv2d_problems) {
    Conv2dDims d = shrunk(full);
    d.N = 3;
    const Inputs in(d, false);
    each_pass([&](const char* pass, const auto& rungs, Doubles Truth::*, auto) {
      for (const auto& rung : rungs) {
        if (rung.run[0]) continue;  // plain references are outside this promise
        Floats first;
        for (Isa isa : isas_here())
          for (int count : {1, 2, 3, 8}) {
            if (!serves(rung, d, Device::cpu, isa)) continue;
            set_threads(count);
            const Floats result = run(pass, rung, isa, d, in);
            if (first.empty()) first = result;
            expect_equal(describe(name, pass, rung.name, isa, d) + " threads " + std::to_string(count),
                         other_bits(result, first));
          }
        if (first.empty() || std::strcmp(pass, "dw") == 0) continue;
        Conv2dDims one = d;
        one.N = 1;
        const Isa isa = isas_here().back();
        for (int n = 0; n < d.N; ++n) {
          Inputs alone = in;
          alone.x.assign(in.x.begin() + n * x_size(one), in.x.begin() + (n + 1) * x_size(one));
          alone.dy.assign(in.dy.begin() + n * y_size(one), in.dy.begin() + (n + 1) * y_size(one));
          const Floats result = run(pass, rung, isa, one, alone);
          const int64_t size = static_cast<int64_t>(result.size());
          expect_equal(describe(name, pass, rung.name, isa, d) + " image " + std::to_string(n),
                       other_bits(result.data(), first.data() + n * size, size));
        }
      }
    });
  }
  set_threads(before);
}

TEST_CASE("conv2d: every rung of maps stored in bf16 agrees with f64, with the bits of f32 rounded, everywhere") {
  const int before = threads();
  for (const auto& [name, full] : conv2d_problems) {
    const Conv2dDims d = shrunk(full);
    Inputs whole(d, true), in(d, false);
    in.x = rounded(in.x), in.w = rounded(in.w);
    const Doubles exact = forward_in_f64(d, doubles(whole.x), doubles(whole.w));
    const Doubles truth = forward_in_f64(d, doubles(in.x), doubles(in.w));
    Doubles bound = forward_in_f64(d, magnitudes(in.x), magnitudes(in.w));
    double peak = 0;
    for (const double v : truth) peak = std::max(peak, std::fabs(v));
    for (size_t i = 0; i < bound.size(); ++i) bound[i] *= sum_error(d.R * d.S * d.C / d.groups);
    for (const auto& rung : conv2d_fwd_rungs(StoredAs<bf16>{})) {
      Floats first;
      for (const Isa isa : isas_here()) {
        if (!serves(rung, d, Device::cpu, isa) || repeats(rung, isa)) continue;
        const std::string what = describe(name, "fwd_bf16", rung.name, isa, d);
        for (const int count : {1, 2, 3, 8}) {
          if (rung.run[0] && count > 1) continue;  // plain references are outside this promise
          set_threads(count);
          const Floats y = widened(run_bf16(rung, isa, d, in));
          if (first.empty()) first = y;
          expect_equal(what + " threads " + std::to_string(count), other_bits(y, first));
        }
        if (!transforms(rung.name)) {
          const Floats expected = rounded(Floats(exact.begin(), exact.end()));
          expect_equal(what + " whole numbers", other_bits(widened(run_bf16(rung, isa, d, whole)), expected));
        }
        for (const auto& same : conv2d_fwd_rungs()) {
          if (!same_name(same.name, rung.name)) continue;
          expect_equal(what + " beside f32", other_bits(first, rounded(run("fwd", same, isa, d, in))));
        }
      }
      if (first.empty()) continue;
      const Doubles allowed = transforms(rung.name) ? Doubles(bound.size(), 1e-4 * peak) : bound;
      expect_equal(describe(name, "fwd_bf16", rung.name, active_isa(), d),
                   exceeds(first, truth, and_rounding(allowed, truth)));
    }
  }
  set_threads(before);
}

TEST_CASE("conv2d: weights prepared for maps stored in bf16 are rounded first, and give the same bits") {
  for (const Conv2dDims d : {Conv2dDims{2, 11, 9, 20, 37, 3, 3, 1, 1, 1, 1}, Conv2dDims{1, 30, 33, 64, 48, 3, 3}}) {
    const Inputs in(d, false);  // of f32
    const std::vector<bf16> x = narrowed(in.x), w = narrowed(in.w);
    const Floats scale = uniform(d.K, 4), shift = uniform(d.K, 5), mean = uniform(d.K, 6, 0, -20, 20);
    const Conv2dEpilogue epilogue{mean.data(), scale.data(), shift.data(), true};
    for (const auto& rung : conv2d_fwd_rungs(StoredAs<bf16>{}))
      for (const Isa isa : isas_here()) {
        const size_t floats = conv2d_prepared_size(rung.name, d, StoredAs<bf16>{});
        if (!serves(rung, d, Device::cpu, isa) || !floats) continue;
        REQUIRE(select_isa(isa_name(isa)) == nullptr);
        Floats prepared(floats), scratch(rung.scratch(d)), less(scratch.size() - floats);
        conv2d_prepare(rung.name, d, in.w.data(), prepared.data(), StoredAs<bf16>{});
        std::vector<bf16> y(y_size(d)), again(y_size(d));
        const auto run = rung.run[static_cast<int>(isa)];
        run(d, x.data(), w.data(), nullptr, epilogue, y.data(), scratch.data(), {});
        run(d, x.data(), nullptr, prepared.data(), epilogue, again.data(), less.data(), {});
        expect_equal(describe("prepared", "fwd_bf16", rung.name, isa, d), other_bits(widened(again), widened(y)));
      }
  }
}

TEST_CASE("conv2d: gradients of the reference are central differences, in f64") {
  for (const auto& [name, full] : conv2d_problems) {
    Conv2dDims d = shrunk(full);
    d.N = std::min(d.N, 2);
    if (d.groups == 1) d.C = std::min(d.C, 5), d.K = std::min(d.K, 4);
    if (d.R <= 5 && d.H > 9) d.H = 9 + d.dilation_h * 2;
    const Inputs in(d, false);
    Doubles x = doubles(in.x), w = doubles(in.w);
    const Doubles dy = doubles(in.dy);
    const Truth truth(d, x, w, dy);
    const auto loss = [&] {
      Doubles y(y_size(d));
      conv2d_fwd_v0_reference<double>(d, x.data(), w.data(), nullptr, {}, y.data(), nullptr, {});
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    const auto check = [&](const char* which, Doubles& values, const Doubles& gradient) {
      for (int i = 0; i < 12; ++i) {
        const size_t at = philox(9, 0, i).word[0] % values.size();
        const double kept = values[at], eps = 1e-6;
        values[at] = kept + eps;
        const double up = loss();
        values[at] = kept - eps;
        const double difference = (up - loss()) / (2 * eps);
        values[at] = kept;
        INFO(describe(name, which, "v0_reference", Isa::reference, d) << " element " << at);
        CHECK(std::fabs(gradient[at] - difference) <= 1e-5 + 1e-3 * std::fabs(difference));
      }
    };
    check("dx", x, truth.dx);
    check("dw", w, truth.dw);
  }
}
