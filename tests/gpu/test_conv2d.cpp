// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv2d/conv2d_v0_reference.h"
#include "tests/gpu/bf16.h"
#include "tests/gpu/conv2d_dims.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// x, w, dy.
auto inputs(bool whole) {
  return [=](const Conv2dDims& d) -> Tensors<float> {
    const auto fill = [&](size_t n, uint64_t key) {
      return whole ? whole_numbers(int64_t(n), key) : uniform(int64_t(n), key);
    };
    return {fill(x_size(d), 1), fill(w_size(d), 2), fill(y_size(d), 3)};
  };
}

const auto forward = []<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(y_size(d));
  run(d, in[0].data(), in[1].data(), nullptr, Conv2dEpilogue{}, out[0].data(), scratch, {});
  return out;
};
const auto dx = []<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(x_size(d));
  run(d, in[2].data(), in[1].data(), out[0].data(), scratch, {});
  return out;
};
const auto dw = []<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(w_size(d));
  run(d, in[0].data(), in[2].data(), out[0].data(), scratch, {});
  return out;
};

/// Exact on whole numbers; on others within 4 sqrt(length) units of the sum of magnitudes.
template <class Rungs, class Reference>
void check(const char* pass, const Rungs& rungs, Reference* v0, const auto& call, const auto& length) {
  const Pass conv{"conv2d", pass};
  check_gpu_rungs(conv, conv2d_problems, rungs, v0, inputs(true), call, scaled, within(conv, {0, 0}));
  const auto compare = [&](const auto& rung, const char* problem, const Conv2dDims& d, const Tensors<float>& in,
                           const Tensors<float>& got, const Tensors<double>& truth) {
    const Tensors<double> sizes = call(d, v0, Tensors<double>{magnitudes(in[0]), magnitudes(in[1]), magnitudes(in[2])},
                                       static_cast<double*>(nullptr));
    std::vector<double> tolerance = sizes[0];
    for (double& t : tolerance) t *= 4 * std::sqrt(double(length(d))) * rounding_unit(rung.name);
    report(conv, std::string(device_name(rung.device)) + " " + rung.name, problem,
           exceeds(got[0], truth[0], tolerance));
  };
  check_gpu_rungs(conv, conv2d_problems, rungs, v0, inputs(false), call, scaled, compare);
}

/// The same of maps stored in bf16. The products are exact in f32; tensor cores cut off what they add, where f32 would
/// round it, by a few bits as in 3xTF32. cuDNN may round dw to bf16 before it is f32 again.
template <class Rungs, class Reference>
void check_bf16(const char* pass, const Rungs& rungs, Reference* v0, const auto& call, const auto& length,
                bool stored) {
  const Pass conv{"conv2d", pass};
  const auto exact = [&](const auto& rung, const char* problem, const Conv2dDims&, const Tensors<float>&,
                         const Tensors<float>& got, const Tensors<double>& truth) {
    const std::string what = std::string(device_name(rung.device)) + " " + rung.name;
    if (!stored && is_yardstick(rung.name)) {
      const std::vector<double> bound = and_rounding(std::vector<double>(truth[0].size()), truth[0]);
      return report(conv, what, problem, exceeds(got[0], truth[0], bound));
    }
    std::vector<double> expected = truth[0];
    for (double& v : expected) v = stored ? rounded(static_cast<float>(v)) : v;
    report(conv, what, problem, differs(got[0], expected, {0, 0}));
  };
  check_gpu_rungs(conv, conv2d_problems, rungs, v0, inputs(true), call, scaled, exact);
  const auto compare = [&](const auto& rung, const char* problem, const Conv2dDims& d, const Tensors<float>& in,
                           const Tensors<float>& got, const Tensors<double>& truth) {
    std::vector<double> bound = call(d, v0, Tensors<double>{magnitudes(in[0]), magnitudes(in[1]), magnitudes(in[2])},
                                     static_cast<double*>(nullptr))[0];
    for (double& t : bound) t *= 4 * std::sqrt(double(length(d))) * 0x1p-22;
    if (stored || is_yardstick(rung.name)) bound = and_rounding(bound, truth[0]);
    report(conv, std::string(device_name(rung.device)) + " " + rung.name, problem, exceeds(got[0], truth[0], bound));
  };
  check_gpu_rungs(conv, conv2d_problems, rungs, v0, rounded_inputs(inputs(false), {0, 1, 2}), call, scaled, compare);
}

constexpr StoredAs<bf16> in_bf16;

}  // namespace

TEST_CASE("conv2d: every CUDA rung of maps stored in bf16 agrees with f64") {
  check_bf16(
      "fwd_bf16", conv2d_fwd_rungs(in_bf16), conv2d_fwd_v0_reference<double>, forward,
      [](const Conv2dDims& d) { return d.R * d.S * d.C / d.groups; }, true);
  check_bf16(
      "dx_bf16", conv2d_dx_rungs(in_bf16), conv2d_dx_v0_reference<double>, dx,
      [](const Conv2dDims& d) { return d.R * d.S * d.K / d.groups; }, true);
  check_bf16(
      "dw_bf16", conv2d_dw_rungs(in_bf16), conv2d_dw_v0_reference<double>, dw,
      [](const Conv2dDims& d) { return d.N * d.P() * d.Q(); }, false);
}

TEST_CASE("conv2d: every CUDA rung agrees with f64, forward") {
  check("fwd", conv2d_fwd_rungs(), conv2d_fwd_v0_reference<double>, forward,
        [](const Conv2dDims& d) { return d.R * d.S * d.C / d.groups; });
}

TEST_CASE("conv2d: every CUDA rung agrees with f64, dx") {
  check("dx", conv2d_dx_rungs(), conv2d_dx_v0_reference<double>, dx,
        [](const Conv2dDims& d) { return d.R * d.S * d.K / d.groups; });
}

TEST_CASE("conv2d: every CUDA rung agrees with f64, dw") {
  check("dw", conv2d_dw_rungs(), conv2d_dw_v0_reference<double>, dw,
        [](const Conv2dDims& d) { return d.N * d.P() * d.Q(); });
}

TEST_CASE("conv2d: on the GPU too an image has the bits alone that it has in a batch, forward and dx") {
  const auto compare = [](const char* pass, const auto& rungs, const auto& call, const auto& size_in,
                          const auto& size_out, size_t varies) {
    for (Conv2dDims d :
         {Conv2dDims{66, 3, 2, 16, 9, 3, 3, 1, 1, 1, 1}, Conv2dDims{5, 6, 4, 20, 24, 3, 3, 2, 1, 1, 1}}) {
      const Tensors<float> in = inputs(false)(d);
      for (const auto& rung : rungs) {
        if (!runs_here(rung, d) || is_yardstick(rung.name)) continue;
        device_under_test = rung.device;
        const std::vector<float> batch = run_on_device(d, rung, in, call)[0];
        Conv2dDims one = d;
        one.N = 1;
        for (const int n : {0, d.N / 2, d.N - 1}) {
          Tensors<float> alone = in;
          const auto begin = in[varies].begin() + n * int64_t(size_in(one));
          alone[varies].assign(begin, begin + int64_t(size_in(one)));
          const std::vector<float> got = run_on_device(one, rung, alone, call)[0];
          const auto size = int64_t(size_out(one));
          expect_equal(std::string("conv2d ") + pass + " " + device_name(rung.device) + " " + rung.name + ", image " +
                           std::to_string(n),
                       other_bits(got.data(), batch.data() + n * size, size));
        }
      }
    }
  };
  compare("fwd", conv2d_fwd_rungs(), forward, x_size, y_size, 0);
  compare("fwd_bf16", conv2d_fwd_rungs(in_bf16), forward, x_size, y_size, 0);
  compare("dx", conv2d_dx_rungs(), dx, y_size, x_size, 2);
  compare("dx_bf16", conv2d_dx_rungs(in_bf16), dx, y_size, x_size, 2);
}

namespace {

/// `stored`: maps in bf16, whose results may be off by their rounding; cuDNN's by that of the bare sums too.
void check_epilogue(const auto& rungs, bool stored) {
  const Conv2dDims d{2, 7, 9, 20, 37, 3, 3, 1, 1, 1, 1};
  const Tensors<float> in = inputs(true)(d);  // sums are exact
  const std::vector<float> mean = uniform(d.K, 6, 0, -20, 20), scale = uniform(d.K, 4), shift = uniform(d.K, 5);
  const std::vector<double> sums =
      forward(d, conv2d_fwd_v0_reference<double>, widened(in), static_cast<double*>(nullptr))[0];
  for (const auto& rung : rungs) {
    if (!runs_here(rung, d)) continue;
    device_under_test = rung.device;
    const DeviceFloats x(in[0]), w(in[1]), on_mean(mean), on_scale(scale), on_shift(shift);
    DeviceFloats scratch(rung.scratch ? rung.scratch(d) : 0);
    for (const bool centred : {false, true})
      for (const bool relu : {false, true}) {
        std::vector<double> expected = sums;
        for (size_t i = 0; i < expected.size(); ++i) {
          const size_t k = i % size_t(d.K);
          if (centred) expected[i] = (expected[i] - mean[k]) * scale[k];
          expected[i] += shift[k];
          if (relu) expected[i] = std::max(expected[i], 0.0);
        }
        const double largest = std::fabs(*std::max_element(
            expected.begin(), expected.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); }));
        std::vector<double> bound;
        for (size_t i = 0; i < expected.size(); ++i) {
          bound.push_back(1e-6 * (std::fabs(expected[i]) + std::max(1.0, largest)));
          if (stored && is_yardstick(rung.name)) bound.back() += 0x1p-8 * std::fabs(sums[i]);
        }
        if (stored) bound = and_rounding(bound, expected);
        DeviceFloats y(y_size(d));
        with_floats(rung.run[0])(
            d, x.data(), w.data(), nullptr,
            {centred ? on_mean.data() : nullptr, centred ? on_scale.data() : nullptr, on_shift.data(), relu}, y.data(),
            scratch.data(), {});
        expect_equal(std::string("conv2d epilogue ") + device_name(rung.device) + " " + rung.name,
                     exceeds(y.host(), expected, bound));
      }
  }
}

}  // namespace

TEST_CASE("conv2d: on the GPU too the epilogue centres, scales, shifts and clips") {
  check_epilogue(conv2d_fwd_rungs(), false);
  check_epilogue(conv2d_fwd_rungs(in_bf16), true);
}
