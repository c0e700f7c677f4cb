// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <catch2/catch.hpp>
#include <vector>

#include "kernels/emu/memory.h"
#include "kernels/emu/scheduler.h"

namespace limbic::emu {

/// n numbers in device memory.
template <class T>
struct Array {
  T* const at;
  const size_t n;
  explicit Array(size_t count) : at(static_cast<T*>(allocate(count * sizeof(T)))), n(count) {}
  explicit Array(const std::vector<T>& v) : Array(v.size()) { copy(at, v.data(), n * sizeof(T)); }
  ~Array() { release(at); }
  Array(const Array&) = delete;
  std::vector<T> host() const {
    std::vector<T> v(n);
    copy(v.data(), at, n * sizeof(T));
    return v;
  }
};

template <class Body>
void in_every_order(const Body& body) {
  const Options before = options();
  for (const Options& order : {Options{Order::forward, 1}, Options{Order::reverse, 1}, Options{Order::random, 1},
                               Options{Order::random, 2}, Options{Order::random, 3}}) {
    INFO("order " << static_cast<int>(order.order) << ", seed " << order.seed);
    options() = order;
    body();
  }
  options() = before;
}

}  // namespace limbic::emu
