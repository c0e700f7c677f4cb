// SPDX-License-Identifier: Apache-2.0
// cuDNN's convolution: the fastest plan there is for a shape, of all that its heuristics propose and all its engines,
// measured on the first call and kept. `cudnn` multiplies in f32, `cudnn_tf32` may round to TF32. Both add the products
// of the formula: cuDNN 9.19 has no Winograd or Fourier transform for f32 in NHWC. Plans with atomics take part: unlike
// ours, these rungs promise no bits.
#include "kernels/vendor/conv2d.h"

#include <bit>
#include <chrono>
#include <map>
#include <tuple>

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

/// [a,b,c,d] of a tensor that lies as [a,c,d,b].
std::array<int64_t, 4> channels_last(const std::array<int64_t, 4>& d) {
  return {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
}

}  // namespace

Descriptor conv2d_graph(ConvPass pass, const Conv2dDims& d, int alignment, const Target& target) {
  const std::array<int64_t, 4> x_dims = {d.N, d.C, d.H, d.W}, w_dims = {d.K, d.C / d.groups, d.R, d.S};
  const std::array<int64_t, 4> y_dims = {d.N, d.K, d.P(), d.Q()};
  const Descriptor x = tensor(conv2d_ids[0], x_dims, channels_last(x_dims), alignment);
  const Descriptor w = tensor(conv2d_ids[1], w_dims, channels_last(w_dims), alignment);
  const Descriptor y = tensor(conv2d_ids[2], y_dims, channels_last(y_dims), alignment);

  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::array<int64_t, 2> pads = {d.pad_h, d.pad_w};
  Descriptor conv(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  conv.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, pads)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, pads)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array<int64_t, 2>{d.stride_h, d.stride_w})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array<int64_t, 2>{d.dilation_h, d.dilation_w})
      .finalize();

  const auto operation = [&](cudnnBackendDescriptorType_t kind, cudnnBackendAttributeName_t of_x,
                             cudnnBackendAttributeName_t of_w, cudnnBackendAttributeName_t of_y,
                             cudnnBackendAttributeName_t of_conv, cudnnBackendAttributeName_t alpha,
                             cudnnBackendAttributeName_t beta) {
    Descriptor made(kind);
    made.set(of_x, x).set(of_w, w).set(of_y, y).set(of_conv, conv).set(alpha, 1.0f).set(beta, 0.0f).finalize();
    return graph_of(made, target);
  };
  switch (pass) {
    case ConvPass::fwd:
      return operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
    case ConvPass::dx:
      return operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
    default:
      return operation(
          CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
  }
}

namespace {

using Pointers = std::array<const void*, 3>;  // of x, w, y

/// Below this many multiply-adds a launch takes longer than its arithmetic: the heuristic's first plan is as good.
constexpr double worth_measuring = 1e7;
/// How long a shape's plans are measured, the heuristic's first.
constexpr std::chrono::seconds most_measuring{1};

struct Shape {
  std::vector<Descriptor> configs;  ///< not yet tried, best guess last
  std::optional<Plan> best;
  bool measured = false;
};

/// The shape's plans, the first that can be built already chosen; no `best` where cuDNN has none.
Shape& shape_of(ConvPass pass, Arithmetic arithmetic, const Conv2dDims& d, int alignment) {
  using Key = std::tuple<ConvPass, Arithmetic, int, std::array<int, sizeof(Conv2dDims) / sizeof(int)>>;
  static std::map<Key, Shape> shapes;
  const auto [at, is_new] =
      shapes.try_emplace({pass, arithmetic, alignment, std::bit_cast<std::array<int, sizeof d / sizeof(int)>>(d)});
  Shape& shape = at->second;
  if (!is_new) return shape;
  const Target target(cudnn({}));
  try {
    shape.configs = configurations(conv2d_graph(pass, d, alignment, target), target, arithmetic);
  } catch (const std::runtime_error&) {
    return shape;  // a shape that cuDNN refuses
  }
  std::reverse(shape.configs.begin(), shape.configs.end());
  while (!shape.best && !shape.configs.empty()) {
    shape.best = plan_of(std::move(shape.configs.back()), target);
    shape.configs.pop_back();
  }
  return shape;
}

void measure(Shape& shape, const Pointers& at, Stream stream) {
  shape.measured = true;
  const cudnnHandle_t handle = cudnn(stream);
  const Target target(handle);
  const auto ms = [&](const Plan& plan) {
    void* const work = workspace(static_cast<size_t>(plan.workspace), stream);
    try {
      return least_ms([&] { plan.run(handle, conv2d_ids, at, work); }, stream);
    } catch (const std::runtime_error&) {
      return 1e30f;  // built, but cannot run
    }
  };
  float least = ms(*shape.best);
  const auto begin = std::chrono::steady_clock::now();
  for (; !shape.configs.empty() && std::chrono::steady_clock::now() - begin < most_measuring;
       shape.configs.pop_back()) {
    std::optional<Plan> plan = plan_of(std::move(shape.configs.back()), target);
    const float time = plan ? ms(*plan) : 1e30f;
    if (time < least) least = time, shape.best = std::move(plan);
  }
  shape.configs.clear();
}

template <ConvPass pass, Arithmetic arithmetic>
bool supports(const Conv2dDims& d) {
  if (d.N < 1 || d.C < 1 || d.K < 1 || d.P() < 1 || d.Q() < 1) return false;
  const std::lock_guard lock(one_at_a_time);
  return shape_of(pass, arithmetic, d, 16).best.has_value();
}

template <ConvPass pass, Arithmetic arithmetic>
void convolve(const Conv2dDims& d, const Pointers& at, Stream stream) {
  const cudnnHandle_t handle = cudnn(stream);
  Shape& shape = shape_of(pass, arithmetic, d, std::min(16, alignment_of(at[0], at[1], at[2])));
  if (!shape.best) throw std::runtime_error("cudnn: conv2d: no plan for these addresses");
  const double work = double(d.N) * d.P() * d.Q() * d.K * d.R * d.S * (d.C / d.groups);
  if (!shape.measured && work >= worth_measuring) measure(shape, at, stream);
  shape.best->run(handle, conv2d_ids, at, workspace(static_cast<size_t>(shape.best->workspace), stream));
}

template <Arithmetic arithmetic>
void forward(const Conv2dDims& d, const float* x, const float* w, const float*, const Conv2dEpilogue& epilogue,
             float* y, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::fwd, arithmetic>(d, {x, w, y}, stream);
  finish(epilogue, {d.N, d.K, d.P(), d.Q()}, y, stream);
}

template <Arithmetic arithmetic>
void gradient_of_x(const Conv2dDims& d, const float* dy, const float* w, float* dx, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::dx, arithmetic>(d, {dx, w, dy}, stream);
}

template <Arithmetic arithmetic>
void gradient_of_w(const Conv2dDims& d, const float* x, const float* dy, float* dw, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::dw, arithmetic>(d, {x, dw, dy}, stream);
}

template <Arithmetic arithmetic>
void add(VendorRung<Conv2dDims, Conv2dForward>& fwd, VendorRung<Conv2dDims, Conv2dDx>& dx,
         VendorRung<Conv2dDims, Conv2dDw>& dw) {
  fwd = {forward<arithmetic>, supports<ConvPass::fwd, arithmetic>};
  dx = {gradient_of_x<arithmetic>, supports<ConvPass::dx, arithmetic>};
  dw = {gradient_of_w<arithmetic>, supports<ConvPass::dw, arithmetic>};
}

}  // namespace

void add_conv2d(VendorKernels& k) {
  add<Arithmetic::f32>(k.conv2d_fwd, k.conv2d_dx, k.conv2d_dw);
  add<Arithmetic::tf32>(k.conv2d_fwd_tf32, k.conv2d_dx_tf32, k.conv2d_dw_tf32);
}

}  // namespace limbic::vendor
