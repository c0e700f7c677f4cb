// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul/matmul_v0_reference.h"
#include "tests/gpu/device.h"
#include "tests/kernels/compare.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// At most 300,000 multiply-adds, and 12,000 results.
MatmulDims scaled(MatmulDims d) {
  while (int64_t{d.M} * d.N * d.K * d.batch > 300000) {
    int& longest = d.K >= d.M && d.K >= d.N ? d.K : d.M > d.N ? d.M : d.N;
    longest = longest * 2 / 3;
  }
  while (int64_t{d.M} * d.N * d.batch > 12000) (d.M > d.N ? d.M : d.N) /= 2;
  return d;
}

/// a, b, bias.
Tensors<float> inputs(const MatmulDims& d, bool whole) {
  const auto fill = [&](int64_t n, uint64_t key) { return whole ? whole_numbers(n, key) : uniform(n, key); };
  return {fill(int64_t{d.batch} * d.M * d.K, 1), fill(int64_t{d.batch} * d.K * d.N, 2), fill(d.N, 3)};
}

const auto product = []<class Buffer>(const MatmulDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(int64_t{d.batch} * d.M * d.N));
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), scratch, {});
  return out;
};

}  // namespace

TEST_CASE("matmul: every CUDA rung equals f64 on whole numbers") {
  check_gpu_rungs(
      {"matmul", "fwd"}, matmul_problems, matmul_fwd_rungs(), matmul_fwd_v0_reference<double>,
      [](const MatmulDims& d) { return inputs(d, true); }, product, scaled, within({"matmul", "fwd"}, {0, 0}));
}

TEST_CASE("matmul: every CUDA rung agrees with f64 within its rounding") {
  const auto compare = [](const auto& rung, const char* problem, const MatmulDims& d, const Tensors<float>& in,
                          const Tensors<float>& got, const Tensors<double>& truth) {
    const Tensors<double> sizes = product(d, matmul_fwd_v0_reference<double>,
                                          Tensors<double>{magnitudes(in[0]), magnitudes(in[1]), magnitudes(in[2])},
                                          static_cast<double*>(nullptr));
    std::vector<double> tolerance = sizes[0];
    for (double& t : tolerance) t *= 4 * std::sqrt(double(d.K)) * rounding_unit(rung.name);
    INFO("matmul " << device_name(rung.device) << " " << rung.name << ", " << problem);
    CHECK(exceeds(got[0], truth[0], tolerance) == "");
  };
  check_gpu_rungs(
      {"matmul", "fwd"}, matmul_problems, matmul_fwd_rungs(), matmul_fwd_v0_reference<double>,
      [](const MatmulDims& d) { return inputs(d, false); }, product, scaled, compare);
}
