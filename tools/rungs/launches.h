// SPDX-License-Identifier: Apache-2.0
// How each pass is called: visit(pass, problems, rungs, call) for every pass of every op, where
// call(arrays, dims, run, scratch) asks `arrays` for what `run` wants.
#pragma once
#include <algorithm>

#include "kernels/problems.h"
#include "tools/rungs/arrays.h"

namespace limbic {
namespace launches {

constexpr float eps = 1e-5f;

inline int64_t x_size(const Conv2dDims& d) { return int64_t{d.N} * d.H * d.W * d.C; }
inline int64_t w_size(const Conv2dDims& d) { return int64_t{d.K} * d.R * d.S * (d.C / d.groups); }
inline int64_t y_size(const Conv2dDims& d) { return int64_t{d.N} * d.P() * d.Q() * d.K; }
inline int64_t x_size(const BatchNormPoolDims& d) { return d.map().rows * d.C; }
inline int64_t y_size(const BatchNormPoolDims& d) { return int64_t{d.N} * d.P() * d.Q() * d.C; }
inline int64_t x_size(const Pool2dDims& d) { return int64_t{d.N} * d.H * d.W * d.C; }
inline int64_t y_size(const Pool2dDims& d) { return int64_t{d.N} * d.P() * d.Q() * d.C; }
inline int64_t x_size(const GridSampleDims& d) { return int64_t{d.N} * d.H * d.W * d.C; }
inline int64_t grid_size(const GridSampleDims& d) { return int64_t{d.N} * d.P * d.Q * 2; }
inline int64_t states(const LstmDims& d) { return int64_t{d.N} * d.T * d.D; }
inline int64_t inputs(const LstmDims& d) { return int64_t{d.N} * d.T * d.F; }

inline int64_t steps(const AttentionDims& d) { return int64_t{d.N} * d.T; }

inline int64_t y_size(const BinaryDims& d) {
  int64_t n = 1;
  for (int axis = 0; axis < d.rank; ++axis) n *= d.shape[axis];
  return n;
}
/// Elements of a box with these strides, from its first to its last.
inline int64_t extent(int rank, const int64_t* shape, const int64_t* stride, int64_t offset = 0) {
  int64_t last = offset;
  for (int axis = 0; axis < rank; ++axis) last += std::max<int64_t>(0, (shape[axis] - 1) * stride[axis]);
  return last + 1;
}

/// Mel filters as runs of growing distance, each of the same width.
inline MelBank mel_bank(Arrays& a, int mels, int bins) {
  const int wide = std::min(bins, 1 + 2 * bins / (mels + 1));
  const auto each = [&](auto value) {
    return a.made<int32_t>([=] {
      std::vector<int32_t> all;
      for (int m = 0; m < mels; ++m) all.push_back(value(m));
      return all;
    });
  };
  const int32_t* const first = each([=](int m) { return m * (bins - wide) / mels; });
  const int32_t* const count = each([=](int) { return wide; });
  const int32_t* const offset = each([=](int m) { return m * wide; });
  return {mels, first, count, offset, a.numbers(int64_t{mels} * wide, 0, 0.02f)};
}

}  // namespace launches

/// Of ops whose maps are stored as T, float or bf16.
template <class T, class Visit>
void for_each_map_launch(const Visit& visit) {
  using namespace launches;
  constexpr StoredAs<T> stored;
  const auto named = [](const char* in_f32, const char* in_bf16) { return sizeof(T) == 2 ? in_bf16 : in_f32; };
  visit(Pass{"conv2d", named("fwd", "fwd_bf16")}, conv2d_problems, conv2d_fwd_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const w = a.numbers<T>(w_size(d));
    run(d, x, w, nullptr, {}, a.space<T>(y_size(d)), scratch, {});
  });
  visit(Pass{"conv2d", named("dx", "dx_bf16")}, conv2d_problems, conv2d_dx_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const dy = a.numbers<T>(y_size(d)), *const w = a.numbers<T>(w_size(d));
    run(d, dy, w, a.space<T>(x_size(d)), scratch, {});
  });
  visit(Pass{"conv2d", named("dw", "dw_bf16")}, conv2d_problems, conv2d_dw_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const dy = a.numbers<T>(y_size(d));
    run(d, x, dy, a.space(w_size(d)), scratch, {});
  });
  visit(Pass{"batch_norm", named("fwd", "fwd_bf16")}, batch_norm_problems, batch_norm_fwd_rungs(stored), [](Arrays& a, const BatchNormDims& d, auto* run, float* scratch) {
    const T* const x = a.numbers<T>(d.rows * d.C);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    float *const mean = a.space(d.C), *const var = a.space(d.C);
    run(d, x, weight, bias, eps, true, mean, var, a.space<T>(d.rows * d.C), scratch, {});
  });
  visit(Pass{"batch_norm", named("apply", "apply_bf16")}, batch_norm_problems, batch_norm_apply_rungs(stored), [](Arrays& a, const BatchNormDims& d, auto* run, float* scratch) {
    const T* const x = a.numbers<T>(d.rows * d.C);
    const float *const mean = a.numbers(d.C), *const var = a.numbers(d.C, 0.5f, 2);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    run(d, x, mean, var, weight, bias, eps, true, a.space<T>(d.rows * d.C), scratch, {});
  });
  visit(Pass{"batch_norm", named("bwd", "bwd_bf16")}, batch_norm_problems, batch_norm_bwd_rungs(stored), [](Arrays& a, const BatchNormDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(d.rows * d.C), *const dy = a.numbers<T>(d.rows * d.C);
    const float* const mean = a.numbers(d.C);
    const float *const var = a.numbers(d.C, 0.5f, 2), *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    T* const dx = a.space<T>(d.rows * d.C);
    float *const dweight = a.space(d.C), *const dbias = a.space(d.C);
    run(d, x, dy, mean, var, weight, bias, eps, true, true, dx, dweight, dbias, scratch, {});
  });
  visit(Pass{"batch_norm_conv2d", named("fwd", "fwd_bf16")}, batch_norm_conv2d_problems, batch_norm_conv2d_fwd_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const w = a.numbers<T>(w_size(d));
    const float *const mean = a.numbers(d.C), *const var = a.numbers(d.C, 0.5f, 2);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    T* const y = a.space<T>(y_size(d));
    float *const y_mean = a.space(d.K), *const y_var = a.space(d.K);
    run(d, x, mean, var, weight, bias, eps, w, y, y_mean, y_var, scratch, {});
  });
  visit(Pass{"batch_norm_conv2d", named("dx", "dx_bf16")}, batch_norm_conv2d_problems, batch_norm_conv2d_dx_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const w = a.numbers<T>(w_size(d)), *const dy = a.numbers<T>(y_size(d));
    const float *const mean = a.numbers(d.C), *const var = a.numbers(d.C, 0.5f, 2);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    T* const dx = a.space<T>(x_size(d));
    float *const dweight = a.space(d.C), *const dbias = a.space(d.C);
    run(d, x, mean, var, weight, bias, eps, w, dy, true, dx, dweight, dbias, scratch, {});
  });
  visit(Pass{"batch_norm_conv2d", named("dw", "dw_bf16")}, batch_norm_conv2d_problems, batch_norm_conv2d_dw_rungs(stored), [](Arrays& a, const Conv2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const dy = a.numbers<T>(y_size(d));
    const float *const mean = a.numbers(d.C), *const var = a.numbers(d.C, 0.5f, 2);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    run(d, x, mean, var, weight, bias, eps, dy, a.space(w_size(d)), scratch, {});
  });
  visit(Pass{"batch_norm_pool", named("fwd", "fwd_bf16")}, batch_norm_pool_problems, batch_norm_pool_fwd_rungs(stored), [](Arrays& a, const BatchNormPoolDims& d, auto* run, float* scratch) {
    const T* const x = a.numbers<T>(x_size(d));
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    float *const mean = a.space(d.C), *const var = a.space(d.C);
    run(d, x, weight, bias, eps, mean, var, a.space<T>(y_size(d)), scratch, {});
  });
  visit(Pass{"batch_norm_pool", named("apply", "apply_bf16")}, batch_norm_pool_problems, batch_norm_pool_apply_rungs(stored), [](Arrays& a, const BatchNormPoolDims& d, auto* run, float* scratch) {
    const T* const x = a.numbers<T>(x_size(d));
    const float *const mean = a.numbers(d.C), *const var = a.numbers(d.C, 0.5f, 2);
    const float *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    run(d, x, mean, var, weight, bias, eps, a.space<T>(y_size(d)), scratch, {});
  });
  visit(Pass{"batch_norm_pool", named("bwd", "bwd_bf16")}, batch_norm_pool_problems, batch_norm_pool_bwd_rungs(stored), [](Arrays& a, const BatchNormPoolDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const dy = a.numbers<T>(y_size(d));
    const float* const mean = a.numbers(d.C);
    const float *const var = a.numbers(d.C, 0.5f, 2), *const weight = a.numbers(d.C), *const bias = a.numbers(d.C);
    T* const dx = a.space<T>(x_size(d));
    float *const dweight = a.space(d.C), *const dbias = a.space(d.C);
    run(d, x, dy, mean, var, weight, bias, eps, true, dx, dweight, dbias, scratch, {});
  });
  visit(Pass{"pool2d", named("fwd", "fwd_bf16")}, pool2d_problems, pool2d_fwd_rungs(stored), [](Arrays& a, const Pool2dDims& d, auto* run, float* scratch) {
    const T* const x = a.numbers<T>(x_size(d));
    T* const y = a.space<T>(y_size(d));
    run(d, x, y, d.kind == PoolKind::max && d.indices ? a.indices(y_size(d), 1) : nullptr, scratch, {});
  });
  visit(Pass{"pool2d", named("bwd", "bwd_bf16")}, pool2d_problems, pool2d_bwd_rungs(stored), [](Arrays& a, const Pool2dDims& d, auto* run, float* scratch) {
    const T* const dy = a.numbers<T>(y_size(d));
    const int32_t* const argmax = d.kind == PoolKind::max ? a.indices(y_size(d), int64_t{d.H} * d.W) : nullptr;
    run(d, dy, argmax, a.space<T>(x_size(d)), scratch, {});
  });
  visit(Pass{"pool2d", named("train", "train_bf16")}, pool2d_problems, pool2d_train_rungs(stored), [](Arrays& a, const Pool2dDims& d, auto* run, float* scratch) {
    const T *const x = a.numbers<T>(x_size(d)), *const dy = a.numbers<T>(y_size(d));
    T *const y = a.space<T>(y_size(d)), *const dx = a.space<T>(x_size(d));
    run(d, x, dy, y, dx, scratch, {});
  });
  visit(Pass{"unary", named("fwd", "fwd_bf16")}, unary_problems, unary_fwd_rungs(stored), [](Arrays& a, const UnaryDims& d, auto* run, float*) {
    const T* const x = a.numbers<T>(d.n, 0.1f, 1);
    run(d, x, a.space<T>(d.n), {});
  });
  visit(Pass{"unary", named("bwd", "bwd_bf16")}, unary_problems, unary_bwd_rungs(stored), [](Arrays& a, const UnaryDims& d, auto* run, float*) {
    const T *const x = a.numbers<T>(d.n, 0.1f, 1), *const y = a.numbers<T>(d.n, 0.1f, 1), *const dy = a.numbers<T>(d.n);
    run(d, x, y, dy, a.space<T>(d.n), {});
  });
  visit(Pass{"dropout", named("fwd", "fwd_bf16")}, dropout_problems, dropout_fwd_rungs(stored), [](Arrays& a, const DropoutDims& d, auto* run, float*) {
    const T* const x = a.numbers<T>(d.n);
    run(d, x, a.space<T>(d.n), {});
  });
  visit(Pass{"copy", named("fwd", "fwd_bf16")}, copy_problems, copy_fwd_rungs(stored), [](Arrays& a, const CopyDims& d, auto* run, float*) {
    const T* const from = a.numbers<T>(extent(d.rank, d.shape, d.src_stride, d.src_offset));
    run(d, from, a.numbers<T>(extent(d.rank, d.shape, d.dst_stride, d.dst_offset)), {});
  });
}

template <class Visit>
void for_each_launch(const Visit& visit) {
  using namespace launches;
  for_each_map_launch<float>(visit);
  for_each_map_launch<bf16>(visit);
  visit(Pass{"matmul", "fwd"}, matmul_problems, matmul_fwd_rungs(), [](Arrays& a, const MatmulDims& d, auto* run, float* scratch) {
    const int64_t M = int64_t{d.batch} * d.M, K = int64_t{d.batch} * d.K;
    const float *const x = a.numbers(M * d.K), *const w = a.numbers(K * d.N), *const bias = a.numbers(d.N);
    run(d, x, w, bias, a.space(M * d.N), scratch, {});
  });
  visit(Pass{"affine_grid", "fwd"}, affine_grid_problems, affine_grid_fwd_rungs(), [](Arrays& a, const AffineGridDims& d, auto* run, float*) {
    const float* const theta = a.numbers(int64_t{d.N} * 6);
    run(d, theta, a.space(int64_t{d.N} * d.H * d.W * 2), {});
  });
  visit(Pass{"affine_grid", "bwd"}, affine_grid_problems, affine_grid_bwd_rungs(), [](Arrays& a, const AffineGridDims& d, auto* run, float*) {
    const float* const dgrid = a.numbers(int64_t{d.N} * d.H * d.W * 2);
    run(d, dgrid, a.space(int64_t{d.N} * 6), {});
  });
  visit(Pass{"grid_sample", "fwd"}, grid_sample_problems, grid_sample_fwd_rungs(), [](Arrays& a, const GridSampleDims& d, auto* run, float*) {
    const float *const x = a.numbers(x_size(d)), *const grid = a.numbers(grid_size(d));
    run(d, x, grid, a.space(grid_size(d) / 2 * d.C), {});
  });
  visit(Pass{"grid_sample", "bwd"}, grid_sample_problems, grid_sample_bwd_rungs(), [](Arrays& a, const GridSampleDims& d, auto* run, float*) {
    const float *const x = a.numbers(x_size(d)), *const grid = a.numbers(grid_size(d));
    const float* const dy = a.numbers(grid_size(d) / 2 * d.C);
    float* const dx = a.space(x_size(d));
    run(d, x, grid, dy, dx, a.space(grid_size(d)), {});
  });
  visit(Pass{"lstm", "fwd"}, lstm_problems, lstm_fwd_rungs(), [](Arrays& a, const LstmDims& d, auto* run, float* scratch) {
    const float *const gates = a.numbers(4 * states(d)), *const w_hh = a.numbers(int64_t{4} * d.D * d.D);
    float *const y = a.space(states(d)), *const activations = a.space(4 * states(d));
    run(d, gates, w_hh, nullptr, y, activations, a.space(states(d)), scratch, {});
  });
  visit(Pass{"lstm", "bwd"}, lstm_problems, lstm_bwd_rungs(), [](Arrays& a, const LstmDims& d, auto* run, float* scratch) {
    const float *const w_hh = a.numbers(int64_t{4} * d.D * d.D), *const activations = a.numbers(4 * states(d), 0, 1);
    const float *const cell = a.numbers(states(d)), *const y = a.numbers(states(d)), *const dy = a.numbers(states(d));
    float* const dgates = a.space(4 * states(d));
    run(d, w_hh, nullptr, activations, cell, y, dy, dgates, a.space(int64_t{4} * d.D * d.D), scratch, {});
  });
  visit(Pass{"lstm", "layer_fwd"}, lstm_problems, lstm_layer_fwd_rungs(), [](Arrays& a, const LstmDims& d, auto* run, float* scratch) {
    const float *const x = a.numbers(inputs(d)), *const weights = a.numbers(lstm_layer_weights(d), -0.1f, 0.1f);
    run(d, x, weights, a.space(states(d)), scratch, {});
  });
  visit(Pass{"lstm", "layer_train"}, lstm_problems, lstm_layer_train_rungs(), [](Arrays& a, const LstmDims& d, auto* run, float* scratch) {
    const float *const x = a.numbers(inputs(d)), *const weights = a.numbers(lstm_layer_weights(d), -0.1f, 0.1f);
    const float* const dy = a.numbers(states(d));
    float *const y = a.space(states(d)), *const dx = a.space(inputs(d));
    run(d, x, weights, dy, y, dx, a.space(lstm_layer_weights(d)), scratch, {});
  });
  visit(Pass{"attention", "fwd"}, attention_problems, attention_fwd_rungs(), [](Arrays& a, const AttentionDims& d, auto* run, float*) {
    const float *const u = a.numbers(steps(d) * d.A), *const w = a.numbers(d.A), *const bias = a.numbers(1);
    const float* const h = a.numbers(steps(d) * d.E);
    float *const scores = a.space(steps(d)), *const weights = a.space(steps(d));
    run(d, u, w, bias, h, nullptr, scores, weights, a.space(int64_t{d.N} * d.E), {});
  });
  visit(Pass{"attention", "bwd"}, attention_problems, attention_bwd_rungs(), [](Arrays& a, const AttentionDims& d, auto* run, float* scratch) {
    const float *const u = a.numbers(steps(d) * d.A), *const w = a.numbers(d.A), *const h = a.numbers(steps(d) * d.E);
    const float *const scores = a.numbers(steps(d)), *const weights = a.numbers(steps(d), 0, 1), *const dy = a.numbers(int64_t{d.N} * d.E);
    float *const du = a.space(steps(d) * d.A), *const dw = a.space(d.A), *const dbias = a.space(1);
    run(d, u, w, h, nullptr, scores, weights, dy, du, dw, dbias, a.space(steps(d) * d.E), scratch, {});
  });
  visit(Pass{"reduce", "fwd"}, reduce_problems, reduce_fwd_rungs(), [](Arrays& a, const ReduceDims& d, auto* run, float* scratch) {
    const float* const x = a.numbers(d.outer * d.n * d.inner);
    float* const y = a.space(d.outer * d.inner);
    run(d, x, y, d.kind == ReduceKind::max ? a.indices(d.outer * d.inner, 1) : nullptr, scratch, {});
  });
  visit(Pass{"reduce", "bwd"}, reduce_problems, reduce_bwd_rungs(), [](Arrays& a, const ReduceDims& d, auto* run, float* scratch) {
    const float* const dy = a.numbers(d.outer * d.inner);
    const int32_t* const argmax = d.kind == ReduceKind::max ? a.indices(d.outer * d.inner, d.n) : nullptr;
    run(d, dy, argmax, a.space(d.outer * d.n * d.inner), scratch, {});
  });
  visit(Pass{"binary", "fwd"}, binary_problems, binary_fwd_rungs(), [](Arrays& a, const BinaryDims& d, auto* run, float*) {
    const float *const x = a.numbers(extent(d.rank, d.shape, d.stride_a)), *const y = a.numbers(extent(d.rank, d.shape, d.stride_b), 0.5f, 2);
    run(d, x, y, a.space(y_size(d)), {});
  });
  visit(Pass{"binary", "bwd"}, binary_problems, binary_bwd_rungs(), [](Arrays& a, const BinaryDims& d, auto* run, float*) {
    const int64_t of_a = extent(d.rank, d.shape, d.stride_a), of_b = extent(d.rank, d.shape, d.stride_b);
    const float *const x = a.numbers(of_a), *const y = a.numbers(of_b, 0.5f, 2), *const dy = a.numbers(y_size(d));
    float* const da = a.space(of_a);
    run(d, x, y, dy, da, a.space(of_b), {});
  });
  visit(Pass{"softmax", "fwd"}, softmax_problems, softmax_fwd_rungs(), [](Arrays& a, const SoftmaxDims& d, auto* run, float*) {
    const float* const x = a.numbers(d.rows * d.C);
    run(d, x, a.space(d.rows * d.C), {});
  });
  visit(Pass{"softmax", "bwd"}, softmax_problems, softmax_bwd_rungs(), [](Arrays& a, const SoftmaxDims& d, auto* run, float*) {
    const float *const y = a.numbers(d.rows * d.C, 0, 1), *const dy = a.numbers(d.rows * d.C);
    run(d, y, dy, a.space(d.rows * d.C), {});
  });
  visit(Pass{"cross_entropy", "fwd"}, cross_entropy_problems, cross_entropy_fwd_rungs(), [](Arrays& a, const CrossEntropyDims& d, auto* run, float*) {
    const float *const logits = a.numbers(d.rows * d.C), *const targets = a.numbers(d.rows * d.C, 0, 1);
    float* const loss = a.space(d.rows);
    run(d, logits, targets, nullptr, loss, a.space(d.rows), {});
  });
  visit(Pass{"cross_entropy", "bwd"}, cross_entropy_problems, cross_entropy_bwd_rungs(), [](Arrays& a, const CrossEntropyDims& d, auto* run, float*) {
    const float *const logits = a.numbers(d.rows * d.C), *const targets = a.numbers(d.rows * d.C, 0, 1);
    const float* const dloss = a.numbers(d.rows);
    run(d, logits, targets, nullptr, dloss, a.space(d.rows * d.C), {});
  });
  visit(Pass{"bce", "fwd"}, bce_problems, bce_fwd_rungs(), [](Arrays& a, const BceDims& d, auto* run, float*) {
    const float *const p = a.numbers(d.n, 0.01f, 0.99f), *const target = a.numbers(d.n, 0, 1);
    run(d, p, target, a.space(d.n), {});
  });
  visit(Pass{"bce", "bwd"}, bce_problems, bce_bwd_rungs(), [](Arrays& a, const BceDims& d, auto* run, float*) {
    const float *const p = a.numbers(d.n, 0.01f, 0.99f), *const target = a.numbers(d.n, 0, 1), *const dloss = a.numbers(d.n);
    run(d, p, target, dloss, a.space(d.n), {});
  });
  visit(Pass{"cast", "narrow"}, cast_problems, cast_narrow_rungs(), [](Arrays& a, const CastDims& d, auto* run, float*) {
    const float* const x = a.numbers(d.n);
    run(d, x, a.space<bf16>(d.n), {});
  });
  visit(Pass{"cast", "widen"}, cast_problems, cast_widen_rungs(), [](Arrays& a, const CastDims& d, auto* run, float*) {
    const bf16* const x = a.numbers<bf16>(d.n);
    run(d, x, a.space(d.n), {});
  });
  visit(Pass{"adam", "step"}, adam_problems, adam_step_rungs(), [](Arrays& a, const AdamDims& d, auto* run, float*) {
    float *const w = a.numbers(d.n), *const g = a.numbers(d.n), *const m = a.numbers(d.n);
    float *const v = a.numbers(d.n, 0, 1), *const vmax = a.numbers(d.n, 0, 1);
    run(d, w, g, m, v, d.amsgrad ? vmax : nullptr, {});
  });
  visit(Pass{"adam", "many"}, adam_problems, adam_many_rungs(), [](Arrays& a, const AdamDims& d, auto* run, float*) {
    float *const w = a.numbers(d.n), *const g = a.numbers(d.n), *const m = a.numbers(d.n);
    float *const v = a.numbers(d.n, 0, 1), *const vmax = a.numbers(d.n, 0, 1);
    const AdamTensor one{d.n, w, g, m, v, d.amsgrad ? vmax : nullptr};
    run(d, &one, 1, {});
  });
  visit(Pass{"sgd", "step"}, sgd_problems, sgd_step_rungs(), [](Arrays& a, const SgdDims& d, auto* run, float*) {
    float *const w = a.numbers(d.n), *const g = a.numbers(d.n), *const velocity = a.numbers(d.n);
    run(d, w, g, d.momentum == 0 ? nullptr : velocity, {});
  });
  visit(Pass{"moving_average", "step"}, moving_average_problems, moving_average_step_rungs(), [](Arrays& a, const MovingAverageDims& d, auto* run, float*) {
    const float* const x = a.numbers(d.n);
    run(d, x, a.numbers(d.n), {});
  });
  visit(Pass{"sum_squares", "fwd"}, sum_squares_problems, sum_squares_fwd_rungs(), [](Arrays& a, const SumSquaresDims& d, auto* run, float* scratch) {
    const float* const x = a.numbers(d.n);
    run(d, x, a.space(1), scratch, {});
  });
  visit(Pass{"stft", "fwd"}, stft_problems, stft_fwd_rungs(), [](Arrays& a, const StftDims& d, auto* run, float* scratch) {
    const float* const x = a.numbers(d.samples);
    run(d, x, a.space(d.frames() * d.bins()), scratch, {});
  });
  visit(Pass{"mel", "fwd"}, mel_problems, mel_fwd_rungs(), [](Arrays& a, const LogMelDims& d, auto* run, float* scratch) {
    const float* const x = a.numbers(d.stft.samples);
    const MelBank bank = mel_bank(a, d.mels, d.stft.bins());
    run(d, x, bank, a.space(d.stft.frames() * d.mels), scratch, {});
  });
}

}  // namespace limbic
