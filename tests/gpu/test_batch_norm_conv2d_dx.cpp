// SPDX-License-Identifier: Apache-2.0
#include "kernels/batch_norm_conv2d/batch_norm_conv2d_v0_reference.h"
#include "tests/gpu/batch_norm_conv2d_inputs.h"
#include "tests/gpu/bf16.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::batch_norm_conv2d;

namespace {

/// dx, dweight, dbias.
auto dx(bool train) {
  return [=]<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    for (const size_t n : {x_size(d), size_t(d.C), size_t(d.C)}) out.emplace_back(n);
    run(d, in[0].data(), in[3].data(), in[4].data(), in[5].data(), in[6].data(), eps, in[1].data(), in[2].data(), train,
        out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
}

/// How far each result may be off. g, what comes out of the convolution, is within 4 sqrt(length) units of its sum of
/// magnitudes, and is rounded where it is stored in bf16; the sums and dx have these errors in them, and their own.
Tensors<double> bounds(const Conv2dDims& d, const Tensors<float>& in, double unit, bool stored_in_bf16) {
  const size_t n = x_size(d), C = size_t(d.C);
  const double rows = double(n) / d.C;
  const auto convolved = [&](const std::vector<double>& w, const std::vector<double>& dy) {
    std::vector<double> g(n);
    conv2d_dx_v0_reference<double>(d, dy.data(), w.data(), g.data(), nullptr, {});
    return g;
  };
  const std::vector<double> g = convolved(magnitudes(in[1]), magnitudes(in[2]));  // of magnitudes, all of them below
  std::vector<double> error(n);
  for (size_t i = 0; i < n; ++i) error[i] = g[i] * 4 * std::sqrt(double(d.R) * d.S * d.K / d.groups) * unit;
  if (stored_in_bf16) error = and_rounding(error, convolved(doubles(in[1]), doubles(in[2])));
  const auto xhat = [&](size_t i) { return std::fabs(in[0][i] - in[3][i % C]) / std::sqrt(in[4][i % C] + eps); };
  Tensors<double> bound{std::vector<double>(n), std::vector<double>(C), std::vector<double>(C)};
  std::vector<double> sum(C), sum_xhat(C);
  for (size_t i = 0; i < n; ++i) {
    const double own = error[i] + 1e-6 * g[i];
    bound[1][i % C] += own * xhat(i), bound[2][i % C] += own;
    sum[i % C] += g[i], sum_xhat[i % C] += g[i] * xhat(i);
  }
  for (size_t i = 0; i < n; ++i) {
    const size_t c = i % C;
    const double scale = std::fabs(in[5][c]) / std::sqrt(in[4][c] + eps);
    const double size = scale * (g[i] + sum[c] / rows + xhat(i) * sum_xhat[c] / rows);
    bound[0][i] = scale * (error[i] + bound[2][c] / rows + xhat(i) * bound[1][c] / rows) + size * 1e-6;
  }
  return bound;
}

template <class Rungs>
void check_close(const char* pass, const Rungs& rungs, bool stored_in_bf16) {
  const Pass of{"batch_norm_conv2d", pass};
  const auto compare = [=](const auto& rung, const char* problem, const Conv2dDims& d, const Tensors<float>& in,
                           const Tensors<float>& got, const Tensors<double>& truth) {
    Tensors<double> bound = bounds(d, in, stored_in_bf16 ? 0x1p-22 : rounding_unit(rung.name), stored_in_bf16);
    if (stored_in_bf16) bound[0] = and_rounding(bound[0], truth[0]);
    for (size_t i = 0; i < truth.size(); ++i)
      report(of, std::string(device_name(rung.device)) + " " + rung.name + ", result " + std::to_string(i), problem,
             exceeds(got[i], truth[i], bound[i]));
  };
  const auto random = stored_in_bf16 ? std::vector<size_t>{0, 1, 2} : std::vector<size_t>{};
  check_gpu_rungs(of, batch_norm_conv2d_problems, rungs, batch_norm_conv2d_dx_v0_reference<double>,
                  rounded_inputs(inputs(false), random), dx(true), scaled, compare);
}

constexpr StoredAs<bf16> in_bf16;

}  // namespace

TEST_CASE("batch_norm_conv2d: every CUDA rung agrees with f64, dx") {
  const Pass of{"batch_norm_conv2d", "dx"};
  const auto exact = [&](const auto& rung, const char* problem, const Conv2dDims&, const Tensors<float>&,
                         const Tensors<float>& got, const Tensors<double>& truth) {
    for (size_t i = 0; i < truth.size(); ++i) report(of, rung.name, problem, differs(got[i], truth[i], {0, 0}));
  };
  check_gpu_rungs(of, batch_norm_conv2d_problems, batch_norm_conv2d_dx_rungs(),
                  batch_norm_conv2d_dx_v0_reference<double>, inputs(true), dx(false), scaled, exact);
  check_close("dx", batch_norm_conv2d_dx_rungs(), false);
}

TEST_CASE("batch_norm_conv2d: every CUDA rung of maps stored in bf16 agrees with f64, dx") {
  check_close("dx_bf16", batch_norm_conv2d_dx_rungs(in_bf16), true);
}

TEST_CASE("batch_norm_conv2d: where sums are exact, dx has the bits of convolution and batch norm one after another") {
  const auto check_bits = [](const auto& fused, const auto& conv, const auto& norm, const char* name) {
    for (const Conv2dDims d :
         {Conv2dDims{5, 6, 4, 16, 20, 3, 3, 1, 1, 1, 1}, Conv2dDims{66, 2, 3, 5, 9, 3, 2, 2, 1, 1, 1}}) {
      const BatchNormDims map{int64_t(d.N) * d.H * d.W, d.C};
      const auto* const both = rung_named(fused, name, d);
      if (!both) continue;
      device_under_test = both->device;
      const auto* const first = rung_named(conv, name, d);
      const auto* const then = rung_named(norm, "v2_chunks", map);
      if (!first || !then) continue;
      Tensors<float> in = inputs(true)(d);
      for (const bool train : {false, true}) {
        const auto got = run_on_device(d, *both, in, dx(train));
        Tensors<float> apart = in;
        apart[2] = run_on_device(d, *first, in,
                                 []<class B>(const Conv2dDims& c, auto run, const std::vector<B>& t, auto* scratch) {
                                   std::vector<B> out;
                                   out.emplace_back(x_size(c));
                                   run(c, t[2].data(), t[1].data(), out[0].data(), scratch, {});
                                   return out;
                                 })[0];
        const auto expected = run_on_device(
            map, *then, apart, [=]<class B>(const BatchNormDims& b, auto run, const std::vector<B>& t, auto* scratch) {
              std::vector<B> out;
              for (const int64_t n : {b.rows * b.C, int64_t{b.C}, int64_t{b.C}}) out.emplace_back(size_t(n));
              run(b, t[0].data(), t[2].data(), t[3].data(), t[4].data(), t[5].data(), t[6].data(), eps, true, train,
                  out[0].data(), out[1].data(), out[2].data(), scratch, {});
              return out;
            });
        for (size_t i = 0; i < expected.size(); ++i)
          expect_equal(std::string("batch_norm_conv2d dx ") + name + ", result " + std::to_string(i),
                       other_bits(got[i], expected[i]));
      }
    }
  };
  check_bits(batch_norm_conv2d_dx_rungs(), conv2d_dx_rungs(), batch_norm_bwd_rungs(), "v4_tensor_core_3xtf32");
  check_bits(batch_norm_conv2d_dx_rungs(in_bf16), conv2d_dx_rungs(in_bf16), batch_norm_bwd_rungs(in_bf16),
             "v4_tensor_core_bf16");
}

TEST_CASE("batch_norm: sums of sets are added over several levels; those of none are zero") {
  const BatchNormDims d{3 * 70001 - 1, 2};
  const int64_t size = 3, sets = 70001;  // 274, 2 and 1 blocks
  device_under_test = Device::emu;
  std::vector<float> parts(emu::batch_norm_sets_scratch(d, size));
  const std::vector<float> terms = whole_numbers(2 * sets * d.C, 9);
  std::copy(terms.begin(), terms.end(), parts.begin());
  Tensors<double> expected(2, std::vector<double>(size_t(d.C)));  // dbias, dweight
  for (size_t i = 0; i < terms.size(); ++i) expected[i / size_t(sets * d.C)][i % size_t(d.C)] += double(terms[i]);
  DeviceFloats on_device(parts), dweight(size_t(d.C)), dbias(size_t(d.C));
  emu::batch_norm_add_sets(d, size, on_device.data(), dweight.data(), dbias.data(), {});
  expect_equal("dbias", differs(dbias.host(), expected[0], {0, 0}));
  expect_equal("dweight", differs(dweight.host(), expected[1], {0, 0}));
  emu::batch_norm_add_sets({0, d.C}, size, on_device.data(), dweight.data(), dbias.data(), {});
  CHECK(dbias.host() == std::vector<float>(size_t(d.C)));
  CHECK(dweight.host() == std::vector<float>(size_t(d.C)));
}
