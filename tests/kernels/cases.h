// SPDX-License-Identifier: Apache-2.0
// How to make the inputs of an op and how to call its passes: once, for CPU rungs on std::vector<float> or <double> and
// for GPU rungs on DeviceFloats (tests/gpu/device.h). A `Buffer` is made of a size, and has data() and size().
#pragma once
#include "kernels/binary/binary_v0_reference.h"
#include "kernels/reduce/reduce_v0_reference.h"
#include "kernels/softmax/softmax_v0_reference.h"
#include "kernels/unary/unary_v0_reference.h"
#include "tests/kernels/harness.h"

namespace limbic::test {

/// 32-bit integers where a Buffer's numbers are.
template <class T>
std::vector<int32_t> integers_beside(const std::vector<T>&, size_t n) {
  return std::vector<int32_t>(n);
}
template <class T>
std::vector<T> as_numbers(const std::vector<T>&, const std::vector<int32_t>& integers) {
  return {integers.begin(), integers.end()};
}
/// Another Buffer with the same numbers, to be overwritten.
template <class T>
std::vector<T> copy_of(const std::vector<T>& numbers) {
  return numbers;
}
template <class T>
void add_to(std::vector<T>& sum, const std::vector<T>& x) {
  for (size_t i = 0; i < x.size(); ++i) sum[i] += x[i];
}

namespace unary {

constexpr Unary kinds[] = {Unary::relu, Unary::leaky_relu, Unary::elu,    Unary::sigmoid, Unary::tanh, Unary::exp,
                           Unary::log,  Unary::sqrt,       Unary::square, Unary::neg,     Unary::abs};

/// The list of problems.h with every length's kind set to the one wanted.
inline auto problems_of(Unary kind) {
  auto list = unary_problems;
  for (auto& problem : list) problem.dims.kind = kind;
  return list;
}

inline const auto forward = []<class Buffer>(const UnaryDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.n));
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

inline const auto backward = []<class Buffer>(const UnaryDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.n));
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), {});
  return out;
};

/// x, y, dy; no x within 1/1000 of the kink at 0.
inline Tensors<float> inputs(const UnaryDims& d) {
  const bool positive = d.kind == Unary::log || d.kind == Unary::sqrt;
  Tensors<float> in{uniform(d.n, seed, 0, positive ? 0.01f : -4.0f, 4.0f)};
  for (float& x : in[0]) x += std::fabs(x) < 1e-3f ? 0.01f : 0.0f;
  in.push_back(forward(d, unary_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))[0]);
  in.push_back(uniform(d.n, seed, 1, 0.5f, 1.5f));
  return in;
}

}  // namespace unary

namespace binary {

inline int64_t size_of(const BinaryDims& d) {
  int64_t n = 1;
  for (int i = 0; i < d.rank; ++i) n *= d.shape[i];
  return n;
}

inline const auto forward = []<class Buffer>(const BinaryDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(size_of(d)));
  run(d, in[0].data(), in[1].data(), out[0].data(), {});
  return out;
};

/// da and db together, then each alone.
inline const auto backward = []<class Buffer>(const BinaryDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  for (const size_t i : {0, 1, 0, 1}) out.emplace_back(in[i].size());
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), out[1].data(), {});
  run(d, in[0].data(), in[1].data(), in[2].data(), out[2].data(), nullptr, {});
  run(d, in[0].data(), in[1].data(), in[2].data(), nullptr, out[3].data(), {});
  return out;
};

/// a, b, dy.
inline Tensors<float> inputs(const BinaryDims& d) {
  return {uniform(broadcast_size(d, d.stride_a), seed, 0, 0.5f, 2),
          uniform(broadcast_size(d, d.stride_b), seed, 1, 0.5f, 2), uniform(size_of(d), seed, 2)};
}

}  // namespace binary

namespace reduce {

/// y, and argmax of a maximum.
inline const auto forward = []<class Buffer>(const ReduceDims& d, auto run, const std::vector<Buffer>& in,
                                             auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.outer * d.inner));
  auto argmax = integers_beside(in[0], out[0].size());
  run(d, in[0].data(), out[0].data(), d.kind == ReduceKind::max ? argmax.data() : nullptr, scratch, {});
  if (d.kind == ReduceKind::max) out.push_back(as_numbers(in[0], argmax));
  return out;
};

inline const auto backward = []<class Buffer>(const ReduceDims& d, auto run, const std::vector<Buffer>& in,
                                              auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(in[0].size());
  run(d, in[1].data(), indices(in[2]).data(), out[0].data(), scratch, {});
  if (d.kind == ReduceKind::max) add_to(out[0], in[0]);  // few gradients: keeps the comparison from being all zeros
  return out;
};

/// x, dy, argmax.
inline Tensors<float> inputs(const ReduceDims& d) {
  Tensors<float> in{uniform(d.outer * d.n * d.inner, seed, 0), uniform(d.outer * d.inner, seed, 1), {}};
  if (d.kind == ReduceKind::max)
    in[2] = forward(d, reduce_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))[1];
  return in;
}

}  // namespace reduce

namespace softmax {

inline const auto forward = []<class Buffer>(const SoftmaxDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.rows * d.C));
  run(d, in[0].data(), out[0].data(), {});
  return out;
};
inline const auto backward = []<class Buffer>(const SoftmaxDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.rows * d.C));
  run(d, in[1].data(), in[2].data(), out[0].data(), {});
  return out;
};

/// x, y, dy; rows of all-negative logits among them, for the lanes behind the last class.
inline Tensors<float> inputs(const SoftmaxDims& d) {
  Tensors<float> in{uniform(d.rows * d.C, seed, 0, -9, -1)};
  in.push_back(forward(d, softmax_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))[0]);
  in.push_back(uniform(d.rows * d.C, seed, 1));
  return in;
}

}  // namespace softmax
}  // namespace limbic::test
