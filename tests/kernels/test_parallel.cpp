// SPDX-License-Identifier: Apache-2.0
#include "kernels/parallel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

using namespace limbic;

TEST_CASE("an exception of a task reaches the caller, the same one at any thread count, and the pool goes on") {
  const int before = threads();
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    for (int round = 0; round < 20; ++round) {
      const auto run = [] {
        parallel_for(100, [](int64_t i) {
          if (i == 7 || i == 8 || i == 90) throw std::runtime_error("task " + std::to_string(i));
        });
      };
      CHECK_THROWS_WITH(run(), "task 7");
      std::atomic<int> done{0};
      parallel_for(100, [&](int64_t) { ++done; });
      CHECK(done == 100);
    }
    CHECK_THROWS_WITH(
        parallel_for(4, [](int64_t) { parallel_for(4, [](int64_t) { throw std::runtime_error("inner"); }); }), "inner");
  }
  set_threads(before);
}
