// SPDX-License-Identifier: Apache-2.0
#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "kernels/batch_norm_conv2d/batch_norm_conv2d_v0_reference.h"
#include "tests/gpu/batch_norm_conv2d_inputs.h"
#include "tests/gpu/bf16.h"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::test::batch_norm_conv2d;

namespace {

/// y, y_mean, y_var; with or without a batch norm before it.
auto forward(bool normalised) {
  return [=]<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    for (const size_t n : {y_size(d), size_t(d.K), size_t(d.K)}) out.emplace_back(n);
    run(d, in[0].data(), normalised ? in[3].data() : nullptr, in[4].data(), in[5].data(), in[6].data(), eps,
        in[1].data(), out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
}
const auto dw = []<class Buffer>(const Conv2dDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(w_size(d));
  run(d, in[0].data(), in[3].data(), in[4].data(), in[5].data(), in[6].data(), eps, in[2].data(), out[0].data(),
      scratch, {});
  return out;
};

/// What x is at most after the batch norm, whose roundings are parts of this: |x - mean| |scale| + |bias|.
Tensors<double> sizes(const Conv2dDims& d, const Tensors<float>& in, bool normalised) {
  Tensors<double> size;
  for (const auto& t : in) size.push_back(magnitudes(t));
  for (size_t i = 0; normalised && i < in[0].size(); ++i) {
    const size_t c = i % size_t(d.C);
    size[0][i] = std::fabs(double(in[0][i]) - in[3][c]) * std::fabs(in[5][c]) / std::sqrt(in[4][c] + eps) + size[6][c];
  }
  return size;
}

/// The statistics of y [rows,K] in double, and the largest number of each column.
struct Statistics {
  std::vector<double> mean, var, largest;
  Statistics(const std::vector<float>& y, int K) : mean(size_t(K)), var(mean), largest(mean) {
    const double rows = double(y.size()) / K;
    const auto each = [&](const auto& body) {
      for (size_t i = 0; i < y.size(); ++i) body(i % size_t(K), double(y[i]));
    };
    each([&](size_t k, double v) { mean[k] += v / rows, largest[k] = std::max(largest[k], std::fabs(v)); });
    each([&](size_t k, double v) { var[k] += (v - mean[k]) * (v - mean[k]) / rows; });
  }
};

/// Exact on whole numbers; else y within 4 sqrt(length) units of the sum of magnitudes, and statistics those of y as it
/// was stored. bf16 rounds what goes into the convolution besides.
template <class Rungs, class Reference, class Length>
void check(const char* pass, const Rungs& rungs, Reference* v0, const auto& call, bool normalised, bool stored_in_bf16,
           const Length& length) {
  const Pass of{"batch_norm_conv2d", pass};
  const bool fwd = pass[0] == 'f';
  const auto stored = [=](std::vector<double> values) {
    for (double& v : values) v = stored_in_bf16 && fwd ? rounded(float(v)) : v;
    return values;
  };
  const auto check_statistics = [&](const std::string& rung, const char* problem, const Conv2dDims& d,
                                    const Tensors<float>& got) {
    const Statistics expected(got[0], d.K);
    std::vector<double> mean_bound, var_bound;
    for (size_t k = 0; k < size_t(d.K); ++k) {
      mean_bound.push_back(2e-6 * expected.largest[k] + 1e-30);
      var_bound.push_back(1e-5 * expected.var[k] + 1e-11 * expected.largest[k] * expected.largest[k] + 1e-30);
    }
    report(of, rung + " mean", problem, exceeds(got[1], expected.mean, mean_bound));
    report(of, rung + " variance", problem, exceeds(got[2], expected.var, var_bound));
  };
  const auto exact = [&](const auto& rung, const char* problem, const Conv2dDims& d, const Tensors<float>&,
                         const Tensors<float>& got, const Tensors<double>& truth) {
    const std::string name = std::string(device_name(rung.device)) + " " + rung.name;
    report(of, name, problem, differs(got[0], stored(truth[0]), {0, 0}));
    if (fwd) check_statistics(name, problem, d, got);
  };
  check_gpu_rungs(of, batch_norm_conv2d_problems, rungs, v0, inputs(true), call, scaled, exact);
  const auto close = [&](const auto& rung, const char* problem, const Conv2dDims& d, const Tensors<float>& in,
                         const Tensors<float>& got, const Tensors<double>& truth) {
    const std::string name = std::string(device_name(rung.device)) + " " + rung.name;
    const Tensors<double> size = sizes(d, in, normalised);
    std::vector<double> bound(truth[0].size());
    if (fwd) {
      conv2d_fwd_v0_reference<double>(d, size[0].data(), size[1].data(), nullptr, {}, bound.data(), nullptr, {});
    } else {
      conv2d_dw_v0_reference<double>(d, size[0].data(), size[2].data(), bound.data(), nullptr, {});
    }
    const double unit = stored_in_bf16 ? 0x1p-22 : rounding_unit(rung.name);
    for (double& t : bound) t *= 4 * std::sqrt(double(length(d))) * unit + (stored_in_bf16 ? 0x1p-8 : 0);
    if (stored_in_bf16 && fwd) bound = and_rounding(bound, truth[0]);
    report(of, name, problem, exceeds(got[0], truth[0], bound));
    if (fwd) check_statistics(name, problem, d, got);
  };
  const auto random = stored_in_bf16 ? std::vector<size_t>{0, 1, 2} : std::vector<size_t>{};
  check_gpu_rungs(of, batch_norm_conv2d_problems, rungs, v0, rounded_inputs(inputs(false), random), call, scaled,
                  close);
}

constexpr StoredAs<bf16> in_bf16;
const auto fwd_length = [](const Conv2dDims& d) { return d.R * d.S * d.C / d.groups; };
const auto dw_length = [](const Conv2dDims& d) { return d.N * d.P() * d.Q(); };

}  // namespace

TEST_CASE("batch_norm_conv2d: every CUDA rung agrees with f64, forward") {
  for (const bool normalised : {false, true})
    check("fwd", batch_norm_conv2d_fwd_rungs(), batch_norm_conv2d_fwd_v0_reference<double>, forward(normalised),
          normalised, false, fwd_length);
}

TEST_CASE("batch_norm_conv2d: every CUDA rung agrees with f64, dw") {
  check("dw", batch_norm_conv2d_dw_rungs(), batch_norm_conv2d_dw_v0_reference<double>, dw, true, false, dw_length);
}

TEST_CASE("batch_norm_conv2d: every CUDA rung of maps stored in bf16 agrees with f64") {
  for (const bool normalised : {false, true})
    check("fwd_bf16", batch_norm_conv2d_fwd_rungs(in_bf16), batch_norm_conv2d_fwd_v0_reference<double>,
          forward(normalised), normalised, true, fwd_length);
  check("dw_bf16", batch_norm_conv2d_dw_rungs(in_bf16), batch_norm_conv2d_dw_v0_reference<double>, dw, true, true,
        dw_length);
}

TEST_CASE("batch_norm_conv2d: the tensor cores' sums have the bits of batch norm and convolution one after another") {
  const auto check_bits = [](const auto& fused, const auto& norm, const auto& conv, const auto& conv_dw,
                             const auto& fused_dw, const char* name, bool narrow) {
    for (const Conv2dDims d :
         {Conv2dDims{5, 6, 4, 16, 20, 3, 3, 1, 1, 1, 1}, Conv2dDims{66, 2, 3, 5, 9, 3, 2, 2, 1, 1, 1}}) {
      const BatchNormDims map{int64_t(d.N) * d.H * d.W, d.C};
      const auto* const both = rung_named(fused, name, d);
      if (!both) continue;  // LIMBIC_TEST_FILE
      device_under_test = both->device;
      Tensors<float> in =
          rounded_inputs(inputs(false), narrow ? std::vector<size_t>{0, 1, 2} : std::vector<size_t>{})(d);
      const auto* const apply = rung_named(norm, "v2_chunks", map);
      const auto* const product = rung_named(conv, name, d);
      const auto* const gradient = rung_named(conv_dw, name, d);
      const auto* const both_dw = rung_named(fused_dw, name, d);
      if (!apply || !product || !gradient || !both_dw) continue;
      const auto got = run_on_device(d, *both, in, forward(true)), got_dw = run_on_device(d, *both_dw, in, dw);
      in[0] = run_on_device(map, *apply, in,
                            []<class B>(const BatchNormDims& b, auto run, const std::vector<B>& t, auto* scratch) {
                              std::vector<B> out;
                              out.emplace_back(size_t(b.rows * b.C));
                              run(b, t[0].data(), t[3].data(), t[4].data(), t[5].data(), t[6].data(), eps, true,
                                  out[0].data(), scratch, {});
                              return out;
                            })[0];
      const auto apart = run_on_device(
          d, *product, in, []<class B>(const Conv2dDims& c, auto run, const std::vector<B>& t, auto* scratch) {
            std::vector<B> out;
            out.emplace_back(y_size(c));
            run(c, t[0].data(), t[1].data(), nullptr, Conv2dEpilogue{}, out[0].data(), scratch, {});
            return out;
          });
      expect_equal(std::string("batch_norm_conv2d fwd ") + name, other_bits(got[0], apart[0]));
      const auto apart_dw = run_on_device(
          d, *gradient, in, []<class B>(const Conv2dDims& c, auto run, const std::vector<B>& t, auto* scratch) {
            std::vector<B> out;
            out.emplace_back(w_size(c));
            run(c, t[0].data(), t[2].data(), out[0].data(), scratch, {});
            return out;
          });
      expect_equal(std::string("batch_norm_conv2d dw ") + name, other_bits(got_dw[0], apart_dw[0]));
    }
  };
  check_bits(batch_norm_conv2d_fwd_rungs(), batch_norm_apply_rungs(), conv2d_fwd_rungs(), conv2d_dw_rungs(),
             batch_norm_conv2d_dw_rungs(), "v4_tensor_core_3xtf32", false);
  check_bits(batch_norm_conv2d_fwd_rungs(in_bf16), batch_norm_apply_rungs(in_bf16), conv2d_fwd_rungs(in_bf16),
             conv2d_dw_rungs(in_bf16), batch_norm_conv2d_dw_rungs(in_bf16), "v4_tensor_core_bf16", true);
}

TEST_CASE("batch_norm_conv2d: a mean far from zero costs the variance of a map nothing") {
  const Conv2dDims d{3, 10, 11, 1, 5, 1, 1};  // y = x w: of numbers around 1000, a variance of 1/12
  Tensors<float> in = inputs(false)(d);
  in[0] = uniform(int64_t(x_size(d)), 8, 0, 999.5f, 1000.5f);
  in[1] = std::vector<float>(w_size(d), 1);
  for (const auto& rung : batch_norm_conv2d_fwd_rungs()) {
    if (!runs_here(rung, d)) continue;
    device_under_test = rung.device;
    const Tensors<float> got = run_on_device(d, rung, in, forward(false));
    expect_equal(std::string("variance ") + rung.name, differs(got[2], Statistics(got[0], d.K).var, {1e-5, 0}));
  }
}

TEST_CASE("batch_norm: sets of rows are merged over several levels to the mean and variance of all") {
  const BatchNormDims d{3 * 70001 - 1, 2};  // the last set has two rows of three
  const int64_t size = 3, sets = 70001;     // 274, 2 and 1 blocks
  const std::vector<float> x = uniform(d.rows * d.C, 9, 0, 5, 7);
  device_under_test = Device::emu;
  std::vector<float> parts(emu::batch_norm_sets_scratch(d, size));
  for (int64_t set = 0; set < sets; ++set)
    for (int c = 0; c < d.C; ++c) {
      const int64_t begin = set * size, end = std::min(begin + size, d.rows);
      double mean = 0, squares = 0;
      for (int64_t r = begin; r < end; ++r) mean += x[size_t(r * d.C + c)] / double(end - begin);
      for (int64_t r = begin; r < end; ++r) squares += std::pow(x[size_t(r * d.C + c)] - mean, 2);
      parts[size_t(set * d.C + c)] = float(mean), parts[size_t((sets + set) * d.C + c)] = float(squares);
    }
  DeviceFloats on_device(parts), mean(size_t(d.C)), var(size_t(d.C));
  emu::batch_norm_merge_sets(d, size, on_device.data(), mean.data(), var.data(), {});
  const Statistics expected(x, d.C);
  expect_equal("mean", differs(mean.host(), expected.mean, {1e-6, 0}));
  expect_equal("variance", differs(var.host(), expected.var, {1e-6, 0}));
}
