// SPDX-License-Identifier: Apache-2.0
// Inputs and calls, as in cases.h: pooling, batch norm, dropout, spatial transformers, LSTM, attention.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "kernels/affine_grid/affine_grid_v0_reference.h"
#include "kernels/attention/attention_v0_reference.h"
#include "kernels/batch_norm/batch_norm_v0_reference.h"
#include "kernels/batch_norm_pool/batch_norm_pool_v0_reference.h"
#include "kernels/dropout/dropout_v0_reference.h"
#include "kernels/grid_sample/grid_sample_v0_reference.h"
#include "kernels/lstm/lstm_layer_v0_reference.h"
#include "kernels/lstm/lstm_v0_reference.h"
#include "kernels/pool2d/pool2d_v0_reference.h"
#include "tests/kernels/cases.h"

namespace limbic::test {

namespace pool2d {

/// y, and argmax of a maximum where it is wanted.
inline const auto forward = []<class Buffer>(const Pool2dDims& d, auto run, const std::vector<Buffer>& in,
                                             auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(size_t(d.N) * d.P() * d.Q() * d.C);
  const bool wanted = d.kind == PoolKind::max && d.indices;
  auto argmax = integers_beside(in[0], out[0].size());
  run(d, in[0].data(), out[0].data(), wanted ? argmax.data() : nullptr, scratch, {});
  if (wanted) out.push_back(as_numbers(in[0], argmax));
  return out;
};

inline const auto backward = []<class Buffer>(const Pool2dDims& d, auto run, const std::vector<Buffer>& in,
                                              auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(in[0].size());
  run(d, in[1].data(), indices(in[2]).data(), out[0].data(), scratch, {});
  return out;
};

/// x, dy, argmax.
inline Tensors<float> inputs(Pool2dDims d) {
  d.indices = true;  // backward reads them
  Tensors<float> in{uniform(int64_t(d.N) * d.H * d.W * d.C, seed, 0)};
  const auto out = forward(d, pool2d_fwd_v0_reference<float>, in, static_cast<float*>(nullptr));
  in.push_back(uniform(static_cast<int64_t>(out[0].size()), seed, 1));
  in.push_back(d.kind == PoolKind::max ? out[1] : std::vector<float>{});
  return in;
}

/// y and dx, from x and dy.
inline const auto train = []<class Buffer>(const Pool2dDims& d, auto run, const std::vector<Buffer>& in,
                                           auto* scratch) {
  std::vector<Buffer> out;
  for (const size_t i : {1, 0}) out.emplace_back(in[i].size());
  run(d, in[0].data(), in[1].data(), out[0].data(), out[1].data(), scratch, {});
  return out;
};

/// x, dy; no two numbers of a channel's map are equal, in bf16 either: where maxima are, a library may take another.
inline Tensors<float> inputs_without_ties(const Pool2dDims& d) {
  Tensors<float> in = inputs(d);
  in.pop_back();
  std::vector<int64_t> order(size_t(d.H) * d.W);
  const auto half = static_cast<int64_t>(order.size() / 2);
  if (half >= 0x3f80) throw std::length_error("a map of more pixels than bf16 has numbers");
  for (int64_t map = 0; map < int64_t(d.N) * d.C; ++map) {
    const auto at = [&](int64_t pixel) -> float& { return in[0][(map / d.C * d.H * d.W + pixel) * d.C + map % d.C]; };
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return at(a) < at(b); });
    for (int64_t i = 0; i < static_cast<int64_t>(order.size()); ++i) {  // the neighbours of 1 and -1 in bf16
      const float size = widen(bf16{static_cast<uint16_t>(0x3f80 - half + std::abs(i - half))});
      at(order[i]) = i < half ? -size : size;
    }
  }
  return in;
}

}  // namespace pool2d

namespace batch_norm {

constexpr float eps = 1e-5f;

/// x with a mean far from 0, weight, bias, dy, and mean and var of x.
inline Tensors<float> inputs(const BatchNormDims& d) {
  Tensors<float> in{uniform(d.rows * d.C, seed, 0, 1, 3), uniform(d.C, seed, 1, 0.5f, 1.5f), uniform(d.C, seed, 2),
                    uniform(d.rows * d.C, seed, 3),       std::vector<float>(d.C),           std::vector<float>(d.C)};
  std::vector<float> y(in[0].size());
  batch_norm_fwd_v0_reference<float>(d, in[0].data(), in[1].data(), in[2].data(), eps, false, in[4].data(),
                                     in[5].data(), y.data(), nullptr, {});
  return in;
}

/// For evaluation: channels far from 0 (up to 1000) with variances down to 0, x within three deviations of the mean
/// and, every seventh row, anywhere.
inline Tensors<float> running_inputs(const BatchNormDims& d) {
  Tensors<float> in = inputs(d);
  in[4] = uniform(d.C, seed, 4, -1000, 1000);
  for (int c = 0; c < d.C; ++c) in[5][c] = c % 4 ? std::pow(10.0f, in[2][c] * 6 - 4) : 0;
  for (int64_t i = 0; i < d.rows * d.C; ++i) {
    const float near = in[4][i % d.C] + 3 * in[3][i] * std::sqrt(in[5][i % d.C] + eps);
    in[0][i] = i / d.C % 7 == 6 ? 1000 * in[3][i] : near;
  }
  return in;
}

/// y = fma(x - mean, scale, bias): x - mean is rounded, scale three times (once under the root), the product in plain
/// C++, and the sum; each by at most 2^-24 of its value.
inline Tensors<double> apply_bounds(const BatchNormDims& d, const Tensors<double>& in) {
  Tensors<double> bound{std::vector<double>(d.rows * d.C)};
  for (int64_t i = 0; i < d.rows * d.C; ++i) {
    const int64_t c = i % d.C;
    const double scaled = (in[0][i] - in[4][c]) * in[1][c] / std::sqrt(in[5][c] + double(eps));
    bound[0][i] = 6 * 0x1p-24 * (std::fabs(scaled) + std::fabs(in[2][c]));
  }
  return bound;
}

/// mean, var, y.
inline auto forward(bool relu) {
  return [=]<class Buffer>(const BatchNormDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    for (const int64_t n : {int64_t{d.C}, int64_t{d.C}, d.rows * d.C}) out.emplace_back(static_cast<size_t>(n));
    run(d, in[0].data(), in[1].data(), in[2].data(), eps, relu, out[0].data(), out[1].data(), out[2].data(), scratch,
        {});
    return out;
  };
}

inline auto apply(bool relu) {
  return [=]<class Buffer>(const BatchNormDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    out.emplace_back(static_cast<size_t>(d.rows * d.C));
    run(d, in[0].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), eps, relu, out[0].data(), scratch, {});
    return out;
  };
}

/// dx, dweight, dbias.
inline auto backward(bool relu, bool train) {
  return [=]<class Buffer>(const BatchNormDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    for (const int64_t n : {d.rows * d.C, int64_t{d.C}, int64_t{d.C}}) out.emplace_back(static_cast<size_t>(n));
    run(d, in[0].data(), in[3].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), eps, relu, train,
        out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
}

}  // namespace batch_norm

namespace batch_norm_pool {

/// As batch_norm's, dy of the windows.
inline Tensors<float> inputs(const BatchNormPoolDims& d) {
  Tensors<float> in = batch_norm::inputs(d.map());
  in[3] = uniform(int64_t(d.N) * d.P() * d.Q() * d.C, seed, 3);
  return in;
}

/// y, mean, var.
inline const auto forward = []<class Buffer>(const BatchNormPoolDims& d, auto run, const std::vector<Buffer>& in,
                                             auto* scratch) {
  std::vector<Buffer> out;
  for (const size_t i : {3, 4, 5}) out.emplace_back(in[i].size());
  run(d, in[0].data(), in[1].data(), in[2].data(), batch_norm::eps, out[1].data(), out[2].data(), out[0].data(),
      scratch, {});
  return out;
};

/// y.
inline const auto apply = []<class Buffer>(const BatchNormPoolDims& d, auto run, const std::vector<Buffer>& in,
                                           auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(in[3].size());
  run(d, in[0].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), batch_norm::eps, out[0].data(), scratch,
      {});
  return out;
};

/// dx, dweight, dbias.
inline auto backward(bool train) {
  return [=]<class Buffer>(const BatchNormPoolDims& d, auto run, const std::vector<Buffer>& in, auto* scratch) {
    std::vector<Buffer> out;
    for (const size_t i : {0, 1, 2}) out.emplace_back(in[i].size());
    run(d, in[0].data(), in[3].data(), in[4].data(), in[5].data(), in[1].data(), in[2].data(), batch_norm::eps, train,
        out[0].data(), out[1].data(), out[2].data(), scratch, {});
    return out;
  };
}

}  // namespace batch_norm_pool

namespace dropout {

inline Tensors<float> inputs(const DropoutDims& d) { return {uniform(d.n, seed, 0, 1, 2)}; }

inline const auto forward = []<class Buffer>(const DropoutDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.n));
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

}  // namespace dropout

namespace affine_grid {

inline int64_t grid_size(const AffineGridDims& d) { return int64_t(d.N) * d.H * d.W * 2; }

inline const auto forward = []<class Buffer>(const AffineGridDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(grid_size(d)));
  run(d, in[0].data(), out[0].data(), {});
  return out;
};

inline const auto backward = []<class Buffer>(const AffineGridDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(in[0].size());
  run(d, in[1].data(), out[0].data(), {});
  return out;
};

/// theta, dgrid.
inline Tensors<float> inputs(const AffineGridDims& d) {
  return {uniform(int64_t(d.N) * 6, seed, 0), uniform(grid_size(d), seed, 1)};
}

}  // namespace affine_grid

namespace grid_sample {

inline int64_t image_size(const GridSampleDims& d) { return int64_t(d.H) * d.W * d.C; }
inline int64_t places(const GridSampleDims& d) { return int64_t(d.P) * d.Q; }

inline const auto forward = []<class Buffer>(const GridSampleDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(d.N * places(d) * d.C));
  run(d, in[0].data(), in[1].data(), out[0].data(), {});
  return out;
};

/// dx, dgrid.
inline const auto backward = []<class Buffer>(const GridSampleDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  for (const size_t i : {0, 1}) out.emplace_back(in[i].size());
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), out[1].data(), {});
  return out;
};

/// Positions from two pixels before the map to two behind it, a tenth of a pixel or more away from pixel centres, where
/// the gradient jumps.
inline float position(int n, bool align_corners, uint64_t stream, uint64_t i) {
  const float cell = std::floor(philox_uniform(seed, stream, 2 * i) * static_cast<float>(n + 3)) - 2;
  const float at = cell + 0.1f + 0.8f * philox_uniform(seed, stream, 2 * i + 1);
  if (align_corners) return n > 1 ? 2 * at / static_cast<float>(n - 1) - 1 : at;
  return (2 * at + 1) / static_cast<float>(n) - 1;
}

/// x, grid, dy.
inline Tensors<float> inputs(const GridSampleDims& d) {
  Tensors<float> in{uniform(d.N * image_size(d), seed, 0), std::vector<float>(d.N * places(d) * 2),
                    uniform(d.N * places(d) * d.C, seed, 1)};
  for (size_t i = 0; i < in[1].size(); i += 2) {
    in[1][i] = position(d.W, d.align_corners, 2, i);
    in[1][i + 1] = position(d.H, d.align_corners, 3, i);
  }
  return in;
}

}  // namespace grid_sample

namespace lstm {

inline int64_t states(const LstmDims& d) { return int64_t(d.N) * d.T * d.D; }

/// y, activations, cell from gates, w_hh, lengths (none: all steps count).
inline const auto forward = []<class Buffer>(const LstmDims& d, auto run, const std::vector<Buffer>& in,
                                             auto* scratch) {
  std::vector<Buffer> out;
  for (const int64_t n : {states(d), 4 * states(d), states(d)}) out.emplace_back(static_cast<size_t>(n));
  const auto lengths = indices(in[2]);
  run(d, in[0].data(), in[1].data(), lengths.size() ? lengths.data() : nullptr, out[0].data(), out[1].data(),
      out[2].data(), scratch, {});
  return out;
};

/// dgates, dw_hh from the same, dy, and what forward gave.
inline const auto backward = []<class Buffer>(const LstmDims& d, auto run, const std::vector<Buffer>& in,
                                              auto* scratch) {
  std::vector<Buffer> out;
  for (const size_t i : {0, 1}) out.emplace_back(in[i].size());
  const auto lengths = indices(in[2]);
  run(d, in[1].data(), lengths.size() ? lengths.data() : nullptr, in[5].data(), in[6].data(), in[4].data(),
      in[3].data(), out[0].data(), out[1].data(), scratch, {});
  return out;
};

/// gates, w_hh, lengths, dy; then y, activations, cell.
inline auto inputs(bool with_lengths) {
  return [=](const LstmDims& d) {
    const float bound = 1 / std::sqrt(static_cast<float>(d.D));
    Tensors<float> in{uniform(states(d) * 4, seed, 0, -2, 2), uniform(int64_t(4) * d.D * d.D, seed, 1, -bound, bound),
                      std::vector<float>(with_lengths ? d.N : 0), uniform(states(d), seed, 2)};
    for (size_t n = 0; n < in[2].size(); ++n) {  // from all steps down to none
      in[2][n] = static_cast<float>(d.T - static_cast<int>(n) * 5 % (d.T + 1));
    }
    for (auto& t : forward(d, lstm_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))) in.push_back(t);
    return in;
  };
}

/// y of a whole layer from x, weights.
inline const auto layer_forward = []<class Buffer>(const LstmDims& d, auto run, const std::vector<Buffer>& in,
                                                   auto* scratch) {
  std::vector<Buffer> out;
  out.emplace_back(static_cast<size_t>(states(d)));
  run(d, in[0].data(), in[1].data(), out[0].data(), scratch, {});
  return out;
};

/// y, dx, dweights from x, weights, dy.
inline const auto layer_train = []<class Buffer>(const LstmDims& d, auto run, const std::vector<Buffer>& in,
                                                 auto* scratch) {
  std::vector<Buffer> out;
  for (const size_t i : {2, 0, 1}) out.emplace_back(in[i].size());
  run(d, in[0].data(), in[1].data(), in[2].data(), out[0].data(), out[1].data(), out[2].data(), scratch, {});
  return out;
};

/// x, weights, dy.
inline Tensors<float> layer_inputs(const LstmDims& d) {
  const float bound = 1 / std::sqrt(static_cast<float>(d.D));
  return {uniform(int64_t(d.N) * d.T * d.F, seed, 3), uniform(lstm_layer_weights(d), seed, 4, -bound, bound),
          uniform(states(d), seed, 5)};
}

}  // namespace lstm

namespace attention {

inline int64_t steps(const AttentionDims& d) { return int64_t(d.N) * d.T; }

/// y, scores, weights from u, w, bias, h, lengths (none: all steps count).
inline const auto forward = []<class Buffer>(const AttentionDims& d, auto run, const std::vector<Buffer>& in, auto*) {
  std::vector<Buffer> out;
  for (const int64_t n : {int64_t(d.N) * d.E, steps(d), steps(d)}) out.emplace_back(static_cast<size_t>(n));
  const auto lengths = indices(in[4]);
  run(d, in[0].data(), in[1].data(), in[2].data(), in[3].data(), lengths.size() ? lengths.data() : nullptr,
      out[1].data(), out[2].data(), out[0].data(), {});
  return out;
};

/// du, dw, dbias, dh from the same, dy, and what forward gave.
inline const auto backward = []<class Buffer>(const AttentionDims& d, auto run, const std::vector<Buffer>& in,
                                              auto* scratch) {
  std::vector<Buffer> out;
  for (const size_t i : {0, 1, 2, 3}) out.emplace_back(in[i].size());
  const auto lengths = indices(in[4]);
  run(d, in[0].data(), in[1].data(), in[3].data(), lengths.size() ? lengths.data() : nullptr, in[7].data(),
      in[8].data(), in[5].data(), out[0].data(), out[1].data(), out[2].data(), out[3].data(), scratch, {});
  return out;
};

/// u, w, bias, h, lengths, dy; then y, scores, weights. Padding is NaN: it is not read.
inline auto inputs(bool with_lengths) {
  return [=](const AttentionDims& d) {
    const float bound = 1 / std::sqrt(static_cast<float>(std::max(d.A, 1)));
    Tensors<float> in{uniform(steps(d) * d.A, seed, 0, -2, 2),
                      uniform(d.A, seed, 1, -bound, bound),
                      uniform(1, seed, 2),
                      uniform(steps(d) * d.E, seed, 3),
                      std::vector<float>(with_lengths ? d.N : 0),
                      uniform(int64_t(d.N) * d.E, seed, 4)};
    for (size_t n = 0; n < in[4].size(); ++n) {  // from all steps down to none
      const int length = d.T - static_cast<int>(n) * 5 % (d.T + 1);
      in[4][n] = static_cast<float>(length);
      for (const auto& [rows, width] : {std::pair(&in[0], d.A), std::pair(&in[3], d.E)}) {
        const auto begin = rows->begin() + static_cast<int64_t>(n) * d.T * width;
        std::fill(begin + int64_t(length) * width, begin + int64_t(d.T) * width, NAN);
      }
    }
    for (auto& t : forward(d, attention_fwd_v0_reference<float>, in, static_cast<float*>(nullptr))) in.push_back(t);
    return in;
  };
}

}  // namespace attention
}  // namespace limbic::test
