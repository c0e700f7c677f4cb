// SPDX-License-Identifier: Apache-2.0
// What the emulator counts, against what small kernels do by hand.
#include <catch2/catch.hpp>

#include "kernels/emu/counters.h"
#include "kernels/emu/memory.h"
#include "tests/counts/kernels.h"

using namespace limbic::emu;

namespace {

/// n floats of device memory.
struct Floats {
  explicit Floats(size_t n) : at(static_cast<float*>(allocate(n * sizeof(float)))) {
    set_bytes(at, 0, n * sizeof(float));
  }
  ~Floats() { release(at); }
  operator float*() const { return at; }
  float* const at;
};

Counters only() {
  const auto all = take_counters();
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

TEST_CASE("counters: a coalesced copy takes 4 sectors a request, in whichever order threads run") {
  const Floats x(1000), y(1000);
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    options().order = order;
    coalesced_copy(1000, x, y);
    const Counters c = only();
    CHECK(c.kernel == "coalesced");
    CHECK((c.launches == 1 && c.blocks == 8 && c.threads == 1024));
    for (const DeviceTraffic& t : {c.reads, c.writes}) {
      CHECK(t.requests == 32);  // the last warp's 8 lanes among them
      CHECK(t.bytes == 4000);
      CHECK(t.sectors == 125);  // 31 * 4 + 1
    }
    CHECK(c.divergent_branches == 1);  // the end of the array, within the last warp
    CHECK((c.barriers == 0 && c.meetings == 0 && c.shared_reads.requests == 0));
  }
  options().order = Order::forward;
}

TEST_CASE("counters: a stride of 8 floats or more takes 32 sectors a request, a stride of 2 takes 8") {
  const Floats x(128 * 32), y(128);
  for (const auto& [stride, sectors] : {std::pair{1, 4}, {2, 8}, {4, 16}, {8, 32}, {32, 32}, {0, 1}}) {
    INFO("stride " << stride);
    strided_copy(128, stride, x, y);
    const Counters c = only();
    CHECK(c.reads.requests == 4);
    CHECK(c.reads.sectors == 4u * static_cast<unsigned>(sectors));
    CHECK(c.writes.sectors == 16);
    CHECK(c.divergent_branches == 0);
  }
}

TEST_CASE("counters: an array of 16-byte vectors takes 16 sectors a request") {
  const Floats x(512), y(512);
  vector_copy(512, x, y);
  const Counters c = only();
  for (const DeviceTraffic& t : {c.reads, c.writes}) CHECK((t.requests == 4 && t.bytes == 2048 && t.sectors == 64));
}

TEST_CASE("counters: a column of a shared tile conflicts as often as its pitch shares a factor with the banks") {
  const Floats y(32);
  for (const auto& [pitch, conflicts] : {std::pair{32, 31}, {33, 0}, {31, 0}, {16, 15}, {8, 7}, {2, 1}}) {
    INFO("pitch " << pitch);
    column_read(pitch, y);
    const Counters c = only();
    CHECK((c.shared_writes.requests == 32 && c.shared_writes.conflicts == 0));
    CHECK(c.shared_reads.requests == 1);
    CHECK(c.shared_reads.bytes == 128);
    CHECK(c.shared_reads.conflicts == static_cast<unsigned>(conflicts));
    CHECK(c.barriers == 1);
  }
}

TEST_CASE("counters: a branch between the lanes of a warp diverges once a warp, and each side has its own requests") {
  const Floats x(128), y(256);
  add_or_double(128, x, y);
  const Counters c = only();
  CHECK(c.divergent_branches == 4);
  CHECK(c.reads.requests == 4);
  CHECK(c.writes.requests == 12);
  CHECK(c.writes.bytes == 128 * 4 + 64 * 4);
  CHECK(c.writes.sectors == 4 * 3 * 4);  // every other word of 4 sectors
  CHECK(c.lanes < 32 * c.steps);
}

TEST_CASE("counters: the lanes of a loop stay together until each has gone round its own number of times") {
  const Floats y(1024);
  loop_of_lane_length(y);
  const Counters c = only();
  CHECK(c.writes.requests == 32);  // the longest lane's, not the sum
  CHECK(c.writes.bytes == 4 * 32 * 33 / 2);
  CHECK(c.divergent_branches == 31);
}

TEST_CASE("counters: floating-point operations are those of the source") {
  const Floats x(256), y(256);
  for (const int times : {0, 1, 50}) {
    multiply_add(256, times, 2, x, y);
    const Counters c = only();
    if (!c.flops) {
      WARN("skipped: no objdump here, so that FLOPs are not counted");
      return;
    }
    CHECK(c.flops->f32 == 256u * 2 * static_cast<unsigned>(times));
    CHECK(c.flops->f64 == 0);
    CHECK(c.divergent_branches == 0);
  }
}

TEST_CASE("counters: five shuffles add up a warp without divergence") {
  const Floats x(32), y(1);
  sum_by_shuffles(x, y);
  const Counters c = only();
  CHECK(c.meetings == 5);
  CHECK(c.divergent_branches == 1);  // lane 0 stores
  if (c.flops) CHECK(c.flops->f32 == 32 * 5);
}

TEST_CASE("counters: cp.async reads device and writes shared memory in one go") {
  const Floats x(128), y(128);
  copy_by_cp_async(x, y);
  const Counters c = only();
  CHECK((c.reads.requests == 1 && c.reads.bytes == 512 && c.reads.sectors == 16));
  CHECK((c.shared_writes.requests == 1 && c.shared_writes.bytes == 512 && c.shared_writes.conflicts == 0));
  CHECK((c.shared_reads.requests == 4 && c.shared_reads.conflicts == 0));
  CHECK((c.writes.requests == 4 && c.writes.sectors == 16));
}

TEST_CASE("counters: a tensor-core instruction is 2 m n k operations") {
  const Floats y(32);
  one_tensor_product(y);
  CHECK(only().tensor_flops == 2 * 2 * 16 * 8 * 8);
}

TEST_CASE("counters: atomics are requests of their own") {
  const Floats total(1);
  count_lanes(reinterpret_cast<unsigned*>(total.at));
  const Counters c = only();
  CHECK((c.atomics.requests == 1 && c.atomics.bytes == 128 && c.atomics.sectors == 1));
  CHECK((c.reads.requests == 0 && c.writes.requests == 0));
}

TEST_CASE("counters: launches of a kernel add up, kernels stand in the order of their first launch") {
  const Floats x(128), y(256);
  coalesced_copy(128, x, y), strided_copy(128, 1, x, y), coalesced_copy(128, x, y);
  const auto all = take_counters();
  REQUIRE(all.size() == 2);
  CHECK((all[0].kernel == "coalesced" && all[0].launches == 2 && all[0].reads.requests == 8));
  CHECK((all[1].kernel == "strided" && all[1].launches == 1));
  CHECK(take_counters().empty());
}
