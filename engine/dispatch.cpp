// SPDX-License-Identifier: Apache-2.0
#include "engine/dispatch.h"

#include "kernels/adam/adam.h"
#include "kernels/affine_grid/affine_grid.h"
#include "kernels/attention/attention.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm_pool/batch_norm_pool.h"
#include "kernels/bce/bce.h"
#include "kernels/binary/binary.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/copy/copy.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/dropout/dropout.h"
#include "kernels/grid_sample/grid_sample.h"
#include "kernels/lstm/lstm.h"
#include "kernels/matmul/matmul.h"
#include "kernels/mel/mel.h"
#include "kernels/moving_average/moving_average.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/reduce/reduce.h"
#include "kernels/sgd/sgd.h"
#include "kernels/softmax/softmax.h"
#include "kernels/sum_squares/sum_squares.h"
#include "kernels/unary/unary.h"

namespace limbic {
namespace {

// letters("N", 1, "H", 8) -> "N1 H8"
std::string letters(const char* letter, int64_t value) { return letter + std::to_string(value); }

template <class... Rest>
std::string letters(const char* letter, int64_t value, const Rest&... rest) {
  return letters(letter, value).append(1, ' ').append(letters(rest...));
}

// " stride2x1" where it differs from what goes without saying.
std::string pair(const char* name, int h, int w, int usual) {
  if (h == usual && w == usual) return "";
  std::string text = std::string(" ") + name + std::to_string(h);
  if (h != w) text.append(1, 'x').append(std::to_string(w));
  return text;
}

std::string box(int rank, const int64_t* shape) { return shape_text(Shape(shape, shape + rank)); }

}  // namespace

std::string dims_text(const Conv2dDims& d) {
  return letters("N", d.N, "H", d.H, "W", d.W, "C", d.C, "K", d.K, "R", d.R, "S", d.S) +
         pair("stride", d.stride_h, d.stride_w, 1) + pair("padding", d.pad_h, d.pad_w, 0) +
         pair("dilation", d.dilation_h, d.dilation_w, 1) + pair("groups", d.groups, d.groups, 1);
}

std::string dims_text(const MatmulDims& d) {
  return letters("M", d.M, "N", d.N, "K", d.K) + (d.trans_a ? " trans_a" : "") + (d.trans_b ? " trans_b" : "") +
         pair("batch", d.batch, d.batch, 1);
}

std::string dims_text(const Pool2dDims& d) {
  return letters("N", d.N, "H", d.H, "W", d.W, "C", d.C, "R", d.R, "S", d.S) +
         pair("stride", d.stride_h, d.stride_w, 1) + pair("padding", d.pad_h, d.pad_w, 0) +
         (d.kind == PoolKind::avg ? " avg" : d.indices ? " max" : " max without indices");
}

std::string dims_text(const AffineGridDims& d) {
  return letters("N", d.N, "H", d.H, "W", d.W) + (d.align_corners ? " align_corners" : "");
}

std::string dims_text(const GridSampleDims& d) {
  return letters("N", d.N, "H", d.H, "W", d.W, "C", d.C, "P", d.P, "Q", d.Q) +
         (d.align_corners ? " align_corners" : "");
}

std::string dims_text(const LstmDims& d) {
  return letters("N", d.N, "T", d.T, "D", d.D) + (d.F ? " F" + std::to_string(d.F) : "") +
         (d.reverse ? " reverse" : "");
}

std::string dims_text(const AttentionDims& d) { return letters("N", d.N, "T", d.T, "A", d.A, "E", d.E); }

std::string dims_text(const ReduceDims& d) {
  constexpr const char* kinds[] = {" sum", " mean", " max"};
  return letters("outer", d.outer, "n", d.n, "inner", d.inner) + kinds[static_cast<int>(d.kind)];
}

std::string dims_text(const UnaryDims& d) {
  constexpr const char* kinds[] = {" relu", " leaky_relu", " elu",    " sigmoid", " tanh", " exp",
                                   " log",  " sqrt",       " square", " neg",     " abs"};
  return letters("n", d.n) + kinds[static_cast<int>(d.kind)];
}

std::string dims_text(const BinaryDims& d) {
  constexpr const char* kinds[] = {" add", " sub", " mul", " div", " max"};
  return box(d.rank, d.shape) + kinds[static_cast<int>(d.kind)];
}

std::string dims_text(const BatchNormDims& d) { return letters("rows", d.rows, "C", d.C); }
std::string dims_text(const BatchNormPoolDims& d) { return letters("N", d.N, "H", d.H, "W", d.W, "C", d.C); }
std::string dims_text(const SoftmaxDims& d) { return letters("rows", d.rows, "C", d.C) + (d.log ? " log" : ""); }
std::string dims_text(const CrossEntropyDims& d) { return letters("rows", d.rows, "C", d.C); }
std::string dims_text(const BceDims& d) { return letters("n", d.n); }
std::string dims_text(const StftDims& d) { return letters("samples", d.samples, "n_fft", d.n_fft, "hop", d.hop); }
std::string dims_text(const LogMelDims& d) { return dims_text(d.stft) + " " + letters("mels", d.mels); }
std::string dims_text(const DropoutDims& d) { return letters("n", d.n); }
std::string dims_text(const CopyDims& d) { return box(d.rank, d.shape) + (d.accumulate ? " accumulate" : ""); }
std::string dims_text(const CastDims& d) { return letters("n", d.n); }
std::string dims_text(const AdamDims& d) { return letters("n", d.n) + (d.amsgrad ? " amsgrad" : ""); }
std::string dims_text(const SgdDims& d) { return letters("n", d.n); }
std::string dims_text(const MovingAverageDims& d) { return letters("n", d.n); }
std::string dims_text(const SumSquaresDims& d) { return letters("n", d.n); }

void refuse_kernel(Pass pass, const std::string& dims, Device device) {
  if (const char* forced = forced_kernel(pass.op)) {
    refuse(pass.op, ": kernel ", forced, " does not serve ", dims, " (", pass.pass, ", ", device_name(device), ", ",
           isa_name(active_isa()), ")");
  }
  refuse(pass.op, ": no kernel serves ", dims, " (", pass.pass, ", ", device_name(device), ")");
}

}  // namespace limbic
