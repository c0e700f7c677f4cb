// SPDX-License-Identifier: Apache-2.0
// cuDNN's convolution: the fastest plan there is for a shape, of all that its heuristics propose and all its engines,
// measured on the first call and kept. `cudnn` multiplies in f32 or, where maps are stored so, in bf16; `cudnn_tf32`
// may round to TF32. All add the products of the formula, in f32: cuDNN 9.19 has no Winograd or Fourier transform for
// f32 in NHWC. Plans with atomics take part: unlike ours, these rungs promise no bits.
#include "kernels/vendor/conv2d.h"

#include <bit>
#include <chrono>
#include <map>
#include <tuple>
#include <type_traits>

#include "kernels/vendor/rungs.h"
#include "kernels/vendor/tensors.h"

namespace limbic::vendor {
namespace {

using Pointers = std::array<const void*, 3>;  // of x, w, y

/// Below this many multiply-adds a launch takes longer than its arithmetic: the heuristic's first plan is as good.
constexpr double worth_measuring = 1e7;
/// How long a shape's plans are measured, the heuristic's first.
constexpr std::chrono::seconds most_measuring{1};

/// One way to a result. No engine of cuDNN's writes f32 of maps in bf16 but those that compile a fused conversion; of
/// the others dw comes in bf16, and is widened after it.
struct Way {
  Descriptor config;
  bool widened = false;
};
struct ReadyWay {
  Plan plan;
  bool widened;
};

struct Shape {
  std::vector<Way> ways;  ///< not yet tried, best guess last
  std::optional<ReadyWay> best;
  bool measured = false;
};

int64_t weights(const Conv2dDims& d) { return int64_t{d.K} * d.R * d.S * (d.C / d.groups); }

/// All ways, best guesses first; of dw in bf16 one of each kind by turns, so that both have had theirs when time is up.
std::vector<Way> ways_of(ConvPass pass, Arithmetic arithmetic, const Conv2dDims& d, int alignment,
                         const Target& target) {
  const auto configs = [&](ConvStorage storage) -> std::vector<Descriptor> {
    try {
      return configurations(conv2d_graph(pass, storage, d, alignment, target), target, arithmetic);
    } catch (const std::runtime_error&) {
      return {};  // a shape that cuDNN refuses
    }
  };
  std::vector<Way> all;
  std::vector<Descriptor> plain = configs(arithmetic == Arithmetic::bf16 ? ConvStorage::bf16 : ConvStorage::f32), fused;
  const bool widened = arithmetic == Arithmetic::bf16 && pass == ConvPass::dw;
  if (widened) fused = configs(ConvStorage::bf16_but_dw);
  for (size_t i = 0; i < std::max(plain.size(), fused.size()); ++i) {
    if (i < plain.size()) all.push_back({std::move(plain[i]), widened});
    if (i < fused.size()) all.push_back({std::move(fused[i])});
  }
  return all;
}

std::optional<ReadyWay> made_ready(Way way, const Target& target) {
  std::optional<Plan> plan = plan_of(std::move(way.config), target);
  if (!plan) return std::nullopt;
  return ReadyWay{std::move(*plan), way.widened};
}

/// The shape's plans, the first that can be built already chosen; no `best` where cuDNN has none.
Shape& shape_of(ConvPass pass, Arithmetic arithmetic, const Conv2dDims& d, int alignment) {
  using Key = std::tuple<ConvPass, Arithmetic, int, std::array<int, sizeof(Conv2dDims) / sizeof(int)>>;
  static std::map<Key, Shape> shapes;
  const auto [at, is_new] =
      shapes.try_emplace({pass, arithmetic, alignment, std::bit_cast<std::array<int, sizeof d / sizeof(int)>>(d)});
  Shape& shape = at->second;
  if (!is_new) return shape;
  const Target target(cudnn({}));
  shape.ways = ways_of(pass, arithmetic, d, alignment, target);
  std::reverse(shape.ways.begin(), shape.ways.end());
  while (!shape.best && !shape.ways.empty()) {
    shape.best = made_ready(std::move(shape.ways.back()), target);
    shape.ways.pop_back();
  }
  return shape;
}

void run(const ReadyWay& way, const Conv2dDims& d, Pointers at, Stream stream) {
  const cudnnHandle_t handle = cudnn(stream);
  const size_t own = way.widened ? (static_cast<size_t>(weights(d)) * sizeof(bf16) + 255) / 256 * 256 : 0;
  char* const work = static_cast<char*>(workspace(own + static_cast<size_t>(way.plan.workspace), stream));
  float* const dw = static_cast<float*>(const_cast<void*>(at[1]));
  if (way.widened) at[1] = work;
  way.plan.run(handle, conv2d_ids, at, work + own);
  if (way.widened) casts.widen({weights(d)}, reinterpret_cast<const bf16*>(work), dw, stream);
}

void measure(Shape& shape, const Conv2dDims& d, const Pointers& at, Stream stream) {
  shape.measured = true;
  const Target target(cudnn(stream));
  const auto ms = [&](const ReadyWay& way) {
    try {
      return least_ms([&] { run(way, d, at, stream); }, stream);
    } catch (const std::runtime_error&) {
      return 1e30f;  // built, but cannot run
    }
  };
  float least = ms(*shape.best);
  const auto begin = std::chrono::steady_clock::now();
  for (; !shape.ways.empty() && std::chrono::steady_clock::now() - begin < most_measuring; shape.ways.pop_back()) {
    std::optional<ReadyWay> way = made_ready(std::move(shape.ways.back()), target);
    const float time = way ? ms(*way) : 1e30f;
    if (time < least) least = time, shape.best = std::move(way);
  }
  shape.ways.clear();
}

template <ConvPass pass, Arithmetic arithmetic>
bool supports(const Conv2dDims& d) {
  if (d.N < 1 || d.C < 1 || d.K < 1 || d.P() < 1 || d.Q() < 1) return false;
  const std::lock_guard lock(one_at_a_time);
  return shape_of(pass, arithmetic, d, 16).best.has_value();
}

template <ConvPass pass, Arithmetic arithmetic>
void convolve(const Conv2dDims& d, const Pointers& at, Stream stream) {
  Shape& shape = shape_of(pass, arithmetic, d, std::min(16, alignment_of(at[0], at[1], at[2])));
  if (!shape.best) throw std::runtime_error("cudnn: conv2d: no plan for these addresses");
  const double work = double(d.N) * d.P() * d.Q() * d.K * d.R * d.S * (d.C / d.groups);
  if (!shape.measured && work >= worth_measuring) measure(shape, d, at, stream);
  run(*shape.best, d, at, stream);
}

/// Where an epilogue is wanted of a map in bf16 it is a pass of its own, in f32, between two casts.
void finish_in_f32(const Conv2dEpilogue& e, const MapDims& map, bf16* y, Stream stream) {
  const CastDims all{int64_t{map.n} * map.c * map.h * map.w};
  float* const wide = static_cast<float*>(workspace(static_cast<size_t>(all.n) * sizeof(float), stream));
  casts.widen(all, y, wide, stream);
  finish(e, map, wide, stream);
  casts.narrow(all, wide, y, stream);
}

template <Arithmetic arithmetic>
using Number = std::conditional_t<arithmetic == Arithmetic::bf16, bf16, float>;

template <Arithmetic arithmetic, class T = Number<arithmetic>>
void forward(const Conv2dDims& d, const T* x, const T* w, const float*, const Conv2dEpilogue& epilogue, T* y, float*,
             Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::fwd, arithmetic>(d, {x, w, y}, stream);
  const MapDims map{d.N, d.K, d.P(), d.Q()};
  if constexpr (arithmetic != Arithmetic::bf16) {
    finish(epilogue, map, y, stream);
  } else if (epilogue.mean || epilogue.scale || epilogue.shift || epilogue.relu) {
    finish_in_f32(epilogue, map, y, stream);
  }
}

template <Arithmetic arithmetic, class T = Number<arithmetic>>
void gradient_of_x(const Conv2dDims& d, const T* dy, const T* w, T* dx, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::dx, arithmetic>(d, {dx, w, dy}, stream);
}

template <Arithmetic arithmetic, class T = Number<arithmetic>>
void gradient_of_w(const Conv2dDims& d, const T* x, const T* dy, float* dw, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  convolve<ConvPass::dw, arithmetic>(d, {x, dw, dy}, stream);
}

template <Arithmetic arithmetic>
void add(auto& fwd, auto& dx, auto& dw) {
  fwd = {forward<arithmetic>, supports<ConvPass::fwd, arithmetic>};
  dx = {gradient_of_x<arithmetic>, supports<ConvPass::dx, arithmetic>};
  dw = {gradient_of_w<arithmetic>, supports<ConvPass::dw, arithmetic>};
}

}  // namespace

void add_conv2d(VendorKernels& k) {
  add<Arithmetic::f32>(k.conv2d_fwd, k.conv2d_dx, k.conv2d_dw);
  add<Arithmetic::tf32>(k.conv2d_fwd_tf32, k.conv2d_dx_tf32, k.conv2d_dw_tf32);
  add<Arithmetic::bf16>(k.conv2d_fwd_bf16, k.conv2d_dx_bf16, k.conv2d_dw_bf16);
}

}  // namespace limbic::vendor
