// SPDX-License-Identifier: Apache-2.0
// Inputs and calls, as in cases.h: losses, optimisers, copies.
#pragma once
#include "kernels/adam/adam_v0_reference.h"
#include "kernels/bce/bce_v0_reference.h"
#include "kernels/copy/copy_v0_reference.h"
#include "kernels/cross_entropy/cross_entropy_v0_reference.h"
#include "kernels/moving_average/moving_average_v0_reference.h"
#include "kernels/sgd/sgd_v0_reference.h"
#include "kernels/sum_squares/sum_squares_v0_reference.h"
#include "tests/kernels/cases.h"

namespace limbic::test {

namespace cross_entropy {

/// loss, weight_sum.
inline auto forward(bool weighted) {
  return [=]<class Buffer>(const CrossEntropyDims& d, auto run, const std::vector<Buffer>& in, auto*) {
    std::vector<Buffer> out;
    for (int i = 0; i < 2; ++i) out.emplace_back(static_cast<size_t>(d.rows));
    run(d, in[0].data(), in[1].data(), weighted ? in[2].data() : nullptr, out[0].data(), out[1].data(), {});
    return out;
  };
}
inline auto backward(bool weighted) {
  return [=]<class Buffer>(const CrossEntropyDims& d, auto run, const std::vector<Buffer>& in, auto*) {
    std::vector<Buffer> out;
    out.emplace_back(static_cast<size_t>(d.rows * d.C));
    run(d, in[0].data(), in[1].data(), weighted ? in[2].data() : nullptr, in[3].data(), out[0].data(), {});
    return out;
  };
}

/// logits, soft targets (rows add up to 1), class weights, dloss.
inline Tensors<float> inputs(const CrossEntropyDims& d) {
  Tensors<float> in{uniform(d.rows * d.C, seed, 0, -5, -1), uniform(d.rows * d.C, seed, 1, 0, 1),
                    uniform(d.C, seed, 2, 0.5f, 2), uniform(d.rows, seed, 3, 0.5f, 1)};
  for (int64_t r = 0; r < d.rows; ++r) {
    float total = 0;
    for (int c = 0; c < d.C; ++c) total += in[1][r * d.C + c];
    for (int c = 0; c < d.C; ++c) in[1][r * d.C + c] /= total;
  }
  return in;
}

}  // namespace cross_entropy

namespace bce {

inline const auto forward = []<class Buffer>(const BceDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.n));
  run(d, in[0].data(), in[1].data(), out[0].data(), {});
  return out;
};
inline const auto backward = []<class Buffer>(const BceDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.n));
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), {});
  return out;
};

/// p, target, dloss.
inline Tensors<float> inputs(const BceDims& d) {
  return {uniform(d.n, seed, 0, 0.01f, 0.99f), uniform(d.n, seed, 1, 0, 1), uniform(d.n, seed, 2)};
}

}  // namespace bce

namespace adam {

/// w, m, v, vmax after a step.
inline const auto step = []<class Buffer>(const AdamDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> state;
  for (const size_t i : {0, 2, 3, 4}) state.push_back(copy_of(in[i]));
  run(d, state[0].data(), in[1].data(), state[1].data(), state[2].data(), d.amsgrad ? state[3].data() : nullptr, {});
  return state;
};

/// w, g, m, v, vmax.
inline Tensors<float> inputs(const AdamDims& d) {
  return {uniform(d.n, seed, 0), uniform(d.n, seed, 1), uniform(d.n, seed, 2, -0.1f, 0.1f),
          uniform(d.n, seed, 3, 0, 0.5f), uniform(d.n, seed, 4, 0, 0.5f)};
}

}  // namespace adam

namespace sgd {

/// w, velocity after a step.
inline const auto step = []<class Buffer>(const SgdDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> state;
  for (const size_t i : {0, 2}) state.push_back(copy_of(in[i]));
  run(d, state[0].data(), in[1].data(), d.momentum == 0 ? nullptr : state[1].data(), {});
  return state;
};

/// w, g, velocity.
inline Tensors<float> inputs(const SgdDims& d) {
  return {uniform(d.n, seed, 0), uniform(d.n, seed, 1), uniform(d.n, seed, 2)};
}

}  // namespace sgd

namespace moving_average {

inline Tensors<float> inputs(const MovingAverageDims& d) { return {uniform(d.n, seed, 0), uniform(d.n, seed, 1)}; }

inline const auto step = []<class Buffer>(const MovingAverageDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> state;
  state.push_back(copy_of(in[1]));
  run(d, in[0].data(), state[0].data(), {});
  return state;
};

}  // namespace moving_average

namespace sum_squares {

inline Tensors<float> inputs(const SumSquaresDims& d) { return {uniform(d.n, seed, 0)}; }

inline const auto forward = []<class Buffer>(const SumSquaresDims& d, auto run, const std::vector<Buffer>& in,
                                             auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(size_t{1});
  run(d, in[0].data(), out[0].data(), scratch, {});
  return out;
};

}  // namespace sum_squares

namespace copy {

/// Elements that a side must have for the farthest one it touches.
inline int64_t extent(const CopyDims& d, const int64_t* stride, int64_t offset) {
  int64_t last = offset;
  for (int i = 0; i < d.rank; ++i) last += std::max<int64_t>(0, (d.shape[i] - 1) * stride[i]);
  return last + 1;
}

inline const auto forward = []<class Buffer>(const CopyDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.push_back(copy_of(in[1]));
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

/// src, and what dst holds before; what is not copied to must stay.
inline Tensors<float> inputs(const CopyDims& d) {
  return {uniform(extent(d, d.src_stride, d.src_offset), seed, 0),
          uniform(extent(d, d.dst_stride, d.dst_offset) + 5, seed, 1)};
}

}  // namespace copy
}  // namespace limbic::test
