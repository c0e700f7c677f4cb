// SPDX-License-Identifier: Apache-2.0
// What the kernels with a bug have in common: their numbers, and how one is run.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "kernels/gpu.h"

namespace limbic::emu {

/// Device memory with the numbers 0, 1, 2 ... as the input of a kernel.
struct Counting {
  float* const at;
  const int n;
  explicit Counting(int count) : at(static_cast<float*>(allocate(count * sizeof(float)))), n(count) {
    std::vector<float> v(count);
    for (int i = 0; i < count; ++i) v[i] = static_cast<float>(i);
    copy(at, v.data(), count * sizeof(float));
  }
  ~Counting() { release(at); }
  Counting(const Counting&) = delete;
  std::vector<float> values() const {
    std::vector<float> v(n);
    copy(v.data(), at, n * sizeof(float));
    return v;
  }
};

/// Runs kernel<<<blocks, threads>>>(x, y) on 128 numbers and compares y.
template <class Kernel>
bool gives(const char* name, const Kernel& kernel, int blocks, int threads, const std::function<float(int)>& expected,
           int checked = -1) {
  Counting x(128), y(128);
  launch(name, "", __FILE__, __LINE__, kernel, Grid{blocks, threads}, x.at, y.at);
  const std::vector<float> got = y.values();
  for (int i = 0; i < (checked < 0 ? blocks * threads : checked); ++i) {
    if (got[i] != expected(i)) return false;
  }
  return true;
}

constexpr auto anything = [](int i) { return static_cast<float>(i); };

__device__ inline int self() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

struct Bug {
  const char* name;
  std::function<bool()> runs_right;
};

/// Those of mbarriers, bulk copies and wgmma. (warpgroups.cpp)
std::span<const Bug> warpgroup_bugs();

}  // namespace limbic::emu
