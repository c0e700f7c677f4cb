// SPDX-License-Identifier: Apache-2.0
// What can be known of cuDNN's rungs without a GPU: cuDNN makes plans for a device that is only described.
#include <dlfcn.h>
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

#include "kernels/problems.h"
#include "kernels/vendor/conv2d.h"
#include "kernels/vendor/lstm.h"
#include "kernels/vendor/pool2d.h"
#include "kernels/vendor/rungs.h"
#include "kernels/vendor/vendor.h"

using namespace limbic;
using namespace limbic::vendor;

namespace {

Target h200() {
  std::ifstream file(LIMBIC_SOURCE_DIR "/tests/vendor/h200.json");
  return Target(std::string(std::istreambuf_iterator<char>(file), {}));
}

Descriptor graph(const Target& target, ConvPass pass, const Conv2dDims& d, Arithmetic arithmetic) {
  return conv2d_graph(pass, arithmetic == Arithmetic::bf16 ? ConvStorage::bf16 : ConvStorage::f32, d, 16, target);
}

size_t plans(const Target& target, ConvPass pass, const Conv2dDims& d, Arithmetic arithmetic) {
  size_t count = 0;
  for (Descriptor& config : configurations(graph(target, pass, d, arithmetic), target, arithmetic)) {
    count += plan_of(std::move(config), target).has_value();
  }
  return count;
}

}  // namespace

TEST_CASE("cuDNN has a plan in f32, one in TF32 and one in bf16 for every pass of every conv2d problem on an H200") {
  const Target target = h200();
  for (const auto& [name, d] : conv2d_problems) {
    for (const ConvPass pass : {ConvPass::fwd, ConvPass::dx, ConvPass::dw}) {
      for (const Arithmetic arithmetic : {Arithmetic::f32, Arithmetic::tf32, Arithmetic::bf16}) {
        INFO(name << ", pass " << static_cast<int>(pass) << ", arithmetic " << static_cast<int>(arithmetic));
        bool found = false;
        for (Descriptor& config : configurations(graph(target, pass, d, arithmetic), target, arithmetic)) {
          if ((found = plan_of(std::move(config), target).has_value())) break;
        }
        CHECK(found);
      }
    }
  }
}

TEST_CASE("cuDNN offers more plans where numbers may be rounded to TF32, and none for a filter larger than its map") {
  const Target target = h200();
  const Conv2dDims d{8, 50, 8, 256, 512, 3, 3, 1, 1, 1, 1};
  const size_t exact = plans(target, ConvPass::fwd, d, Arithmetic::f32),
               rounded = plans(target, ConvPass::fwd, d, Arithmetic::tf32);
  CHECK(exact > 0);
  CHECK(rounded > exact);
  CHECK_THROWS_AS(plans(target, ConvPass::fwd, {1, 2, 2, 4, 4, 5, 5}, Arithmetic::f32), std::runtime_error);
}

TEST_CASE("of maps in bf16 cuDNN has an engine for a graph that stores dw in f32, on every conv2d problem") {
  const Target target = h200();
  for (const auto& [name, d] : conv2d_problems) {
    INFO(name);
    const Descriptor fused = conv2d_graph(ConvPass::dw, ConvStorage::bf16_but_dw, d, 16, target);
    CHECK(fused.number(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT) > 0);
  }
}

TEST_CASE("cuDNN describes every lstm problem that walks forward in time, step by step; what cannot be it refuses") {
  size_t described[lstm_algorithms.size()] = {};
  for (const auto& [name, d] : lstm_problems) {
    if (d.reverse || d.N < 1 || d.T < 1) continue;
    for (size_t i = 0; i < lstm_algorithms.size(); ++i) {
      INFO(name << ", algorithm " << lstm_algorithms[i]);
      CHECK_NOTHROW(LstmDescriptors(d, lstm_algorithms[i]));
      const LstmDescriptors is(d, lstm_algorithms[i]);
      cudnnDataType_t type;
      cudnnRNNDataLayout_t layout;
      int steps = 0, sequences = 0, width = 0;
      std::vector<int> lengths(static_cast<size_t>(d.N));
      float padding = 1;
      check("cudnnGetRNNDataDescriptor",
            cudnnGetRNNDataDescriptor(is.x, &type, &layout, &steps, &sequences, &width, d.N, lengths.data(), &padding));
      CHECK((type == CUDNN_DATA_FLOAT && steps == d.T && sequences == d.N && width == d.F && padding == 0));
      CHECK(lengths == std::vector<int>(static_cast<size_t>(d.N), d.T));
      ++described[i];
    }
  }
  for (const size_t count : described) CHECK(count > 10);  // by every algorithm
  CHECK_THROWS_AS(LstmDescriptors({1, 0, 3, false, 2}, CUDNN_RNN_ALGO_STANDARD), std::runtime_error);
  CHECK_THROWS_AS(LstmDescriptors({1, 70000, 3, false, 2}, CUDNN_RNN_ALGO_STANDARD), std::runtime_error);
}

namespace {

/// Is y of the size that cuDNN expects of it, and are both maps of this type?
template <class T>
void check_pool(const Pool2dDims& d, cudnnDataType_t type) {
  const PoolDescriptors<T> is(d);
  int n = 0, c = 0, h = 0, w = 0;
  check("cudnnGetPooling2dForwardOutputDim", cudnnGetPooling2dForwardOutputDim(is.window, is.x, &n, &c, &h, &w));
  CHECK((n == d.N && c == d.C && h == d.P() && w == d.Q()));
  for (const cudnnTensorDescriptor_t map : {cudnnTensorDescriptor_t(is.x), cudnnTensorDescriptor_t(is.y)}) {
    cudnnDataType_t stored;
    int sn, sc, sh, sw;
    check("cudnnGetTensor4dDescriptor", cudnnGetTensor4dDescriptor(map, &stored, &n, &c, &h, &w, &sn, &sc, &sh, &sw));
    CHECK((stored == type && sc == 1 && sw == c && sh == w * c && sn == h * w * c));
  }
}

}  // namespace

TEST_CASE(
    "cuDNN describes every pool2d problem, with our sizes of y; forward and backward in one it takes each maximum") {
  VendorKernels kernels{};
  add_pool2d(kernels);
  size_t maxima = 0;
  for (const auto& [name, d] : pool2d_problems) {
    INFO(name);
    const bool max = d.kind == PoolKind::max, empty = d.N == 0;
    CHECK(kernels.pool2d_train.supports(d) == !empty);
    CHECK(kernels.pool2d_train_bf16.supports(d) == !empty);
    CHECK(kernels.pool2d_fwd.supports(d) == (!empty && !(max && d.indices)));
    CHECK(kernels.pool2d_bwd.supports(d) == (!empty && !max));
    if (empty) continue;
    check_pool<float>(d, CUDNN_DATA_FLOAT);
    check_pool<bf16>(d, CUDNN_DATA_BFLOAT16);
    maxima += max;
  }
  CHECK(maxima > 10);
  CHECK_THROWS_AS(PoolingDescriptor({1, 4, 4, 1, 0, 2, 2, 2, 0, 0, PoolKind::max}), std::runtime_error);
}

TEST_CASE("the module names its version, and refuses a program that was built from another one") {
  void* const module = dlopen(LIMBIC_VENDOR_MODULE, RTLD_NOW | RTLD_LOCAL);
  INFO((module ? "" : dlerror()));
  REQUIRE(module);
  const auto get = reinterpret_cast<decltype(&limbic_vendor_kernels)>(dlsym(module, "limbic_vendor_kernels"));
  REQUIRE(get);
  CHECK(get(sizeof(VendorKernels) - 1, nullptr, {}) == nullptr);
  const VendorKernels* const kernels = get(sizeof(VendorKernels), nullptr, {});
  REQUIRE(kernels);
  CHECK(std::string(kernels->versions).starts_with("cuDNN 9."));
  for (size_t i = 0; i < offsetof(VendorKernels, versions) / sizeof(void*); ++i) {
    CHECK(reinterpret_cast<void* const*>(kernels)[i] != nullptr);  // no rung was forgotten
  }
}
