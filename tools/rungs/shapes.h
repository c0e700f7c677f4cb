// SPDX-License-Identifier: Apache-2.0
// The sizes of an op as a user writes them: --shape cnn14-2 --shape H=20,W=16
#pragma once
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "kernels/problems.h"

namespace limbic {

/// A size or setting by its name.
struct ShapeField {
  const char* name;
  std::function<bool(const std::string&)> set;  ///< false: not a value for it
  std::function<bool()> missing;                ///< a size that is still 0
  std::function<double()> size;                 ///< of a size its value, of a setting 1
};

namespace shapes {

/// A whole number from `least` (pads and switches 0, sizes and strides 1) to 2^31 - 1.
template <class T>
ShapeField number(const char* name, T& member, int least = 0, bool needed = false) {
  return {name,
          [&member, least](const std::string& text) {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            if (end == text.c_str() || *end || !(value >= least && value <= 2147483647.0)) return false;
            member = static_cast<T>(value);
            return static_cast<double>(member) == value;
          },
          [&member, needed] { return needed && !member; }, [&member, needed] { return needed ? double(member) : 1.0; }};
}
template <class T>
ShapeField size(const char* name, T& member) {
  return number(name, member, 1, true);
}
inline ShapeField real(const char* name, float& member) {
  return {name,
          [&member](const std::string& text) {
            char* end = nullptr;
            member = std::strtof(text.c_str(), &end);
            return end != text.c_str() && !*end && std::isfinite(member);
          },
          [] { return false; }, [] { return 1.0; }};
}
template <class Kind>
ShapeField kind(const char* name, Kind& member, std::vector<std::string> names) {
  return {name,
          [&member, names](const std::string& text) {
            for (size_t i = 0; i < names.size(); ++i) {
              if (names[i] == text) return member = static_cast<Kind>(i), true;
            }
            return false;
          },
          [] { return false; }, [] { return 1.0; }};
}

}  // namespace shapes

// What can be set of each op's dims. Boxes with strides (binary, copy) are chosen by a problem's name alone.
using ShapeFields = std::vector<ShapeField>;
inline ShapeFields fields(Conv2dDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("H", d.H), size("W", d.W), size("C", d.C), size("K", d.K), size("R", d.R),
          size("S", d.S), number("stride_h", d.stride_h, 1), number("stride_w", d.stride_w, 1), number("pad_h", d.pad_h),
          number("pad_w", d.pad_w), number("dilation_h", d.dilation_h, 1), number("dilation_w", d.dilation_w, 1),
          number("groups", d.groups, 1)};
}
inline ShapeFields fields(MatmulDims& d) {
  using namespace shapes;
  return {size("M", d.M), size("N", d.N), size("K", d.K), number("trans_a", d.trans_a), number("trans_b", d.trans_b),
          number("batch", d.batch, 1)};
}
inline ShapeFields fields(BatchNormDims& d) { return {shapes::size("rows", d.rows), shapes::size("C", d.C)}; }
inline ShapeFields fields(BatchNormPoolDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("H", d.H), size("W", d.W), size("C", d.C)};
}
inline ShapeFields fields(Pool2dDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("H", d.H), size("W", d.W), size("C", d.C), size("R", d.R), size("S", d.S),
          size("stride_h", d.stride_h), size("stride_w", d.stride_w), number("pad_h", d.pad_h),
          number("pad_w", d.pad_w), kind("kind", d.kind, {"max", "avg"}), number("indices", d.indices)};
}
inline ShapeFields fields(AffineGridDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("H", d.H), size("W", d.W), number("align_corners", d.align_corners)};
}
inline ShapeFields fields(GridSampleDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("H", d.H), size("W", d.W), size("C", d.C), size("P", d.P), size("Q", d.Q),
          number("align_corners", d.align_corners)};
}
inline ShapeFields fields(LstmDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("T", d.T), size("D", d.D), number("F", d.F), number("reverse", d.reverse)};
}
inline ShapeFields fields(AttentionDims& d) {
  using namespace shapes;
  return {size("N", d.N), size("T", d.T), size("A", d.A), size("E", d.E), real("p", d.p), number("seed", d.seed)};
}
inline ShapeFields fields(ReduceDims& d) {
  using namespace shapes;
  return {size("outer", d.outer), size("n", d.n), size("inner", d.inner), kind("kind", d.kind, {"sum", "mean", "max"})};
}
inline ShapeFields fields(UnaryDims& d) {
  using namespace shapes;
  return {size("n", d.n), real("alpha", d.alpha),
          kind("kind", d.kind, {"relu", "leaky_relu", "elu", "sigmoid", "tanh", "exp", "log", "sqrt", "square", "neg", "abs"})};
}
inline ShapeFields fields(SoftmaxDims& d) {
  using namespace shapes;
  return {size("rows", d.rows), size("C", d.C), number("log", d.log)};
}
inline ShapeFields fields(CrossEntropyDims& d) { return {shapes::size("rows", d.rows), shapes::size("C", d.C)}; }
inline ShapeFields fields(BceDims& d) { return {shapes::size("n", d.n)}; }
inline ShapeFields fields(DropoutDims& d) { return {shapes::size("n", d.n), shapes::real("p", d.p)}; }
inline ShapeFields fields(CastDims& d) { return {shapes::size("n", d.n)}; }
inline ShapeFields fields(AdamDims& d) { return {shapes::size("n", d.n), shapes::number("amsgrad", d.amsgrad)}; }
inline ShapeFields fields(SgdDims& d) { return {shapes::size("n", d.n)}; }
inline ShapeFields fields(MovingAverageDims& d) { return {shapes::size("n", d.n), shapes::real("rate", d.rate)}; }
inline ShapeFields fields(SumSquaresDims& d) { return {shapes::size("n", d.n)}; }
inline ShapeFields fields(StftDims& d) {
  using namespace shapes;
  return {size("samples", d.samples), size("n_fft", d.n_fft), size("hop", d.hop),
          kind("pad", d.pad, {"none", "zero", "reflect"})};
}
inline ShapeFields fields(LogMelDims& d) {
  ShapeFields all = fields(d.stft);
  all.push_back(shapes::size("mels", d.mels));
  return all;
}
inline ShapeFields fields(BinaryDims&) { return {}; }
inline ShapeFields fields(CopyDims&) { return {}; }

/// Why sizes that are each in order cannot be together; empty where they can.
template <class Dims>
std::string misfit(const Dims&) {
  return "";
}
inline std::string misfit(const Conv2dDims& d) {
  if (d.C % d.groups || d.K % d.groups) return "C and K must be whole numbers of groups";
  return d.P() < 1 || d.Q() < 1 ? "the kernel is larger than the padded picture" : "";
}
inline std::string misfit(const Pool2dDims& d) {
  if (2 * d.pad_h > d.R || 2 * d.pad_w > d.S) return "the padding is more than half the window";
  return d.P() < 1 || d.Q() < 1 ? "the window is larger than the padded picture" : "";
}

}  // namespace limbic
