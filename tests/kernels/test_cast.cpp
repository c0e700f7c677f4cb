// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "tests/kernels/harness.h"

using namespace limbic;
using namespace limbic::test;

namespace {

/// The bf16 nearest to x by distance in double; of two as near the one with an even last bit.
uint16_t nearest(float x) {
  const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
  const auto value = [](uint32_t b) { return std::fabs(double(std::bit_cast<float>(b << 16))); };
  const auto above = static_cast<uint16_t>(bits + 1);  // away from 0
  // behind the largest finite number the next would be 2^128
  const double up = (above & 0x7fff) == 0x7f80 ? 0x1p128 : value(above);
  const double to_bits = std::fabs(double(x)) - value(bits), to_above = up - std::fabs(double(x));
  return to_bits < to_above || (to_bits == to_above && bits % 2 == 0) ? bits : above;
}

/// Numbers of every exponent, and those between two bf16.
std::vector<float> numbers(int64_t n) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) {
    uint32_t bits = philox(seed, 1, i).word[0];
    if (i % 5 == 1) bits = (bits & 0xffff0000u) | 0x8000u;
    if (i % 5 == 2) bits = (bits & 0xffff0000u) | 0x7fffu;
    if ((bits & 0x7f800000u) == 0x7f800000u) bits ^= 0x40000000u;  // neither infinite nor a NaN
    x[i] = std::bit_cast<float>(bits);
  }
  return x;
}

}  // namespace

TEST_CASE("cast: every rung rounds to the nearest bf16, ties to even, at any number of threads") {
  const int threads_before = threads();
  for (const auto& [name, d] : cast_problems) {
    const std::vector<float> x = numbers(d.n);
    for (const auto& rung : cast_narrow_rungs()) {
      for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
        if (!isa_supported(isa) || !serves(rung, d, Device::cpu, isa)) continue;
        for (const int count : {1, 3}) {
          set_threads(count);
          std::vector<bf16> y(x.size());
          rung.run[static_cast<int>(isa)](d, x.data(), y.data(), {});
          size_t wrong = 0;
          for (size_t i = 0; i < x.size(); ++i) wrong += y[i].bits != nearest(x[i]);
          INFO(rung.name << " " << isa_name(isa) << " " << name);
          CHECK(wrong == 0);
        }
      }
    }
  }
  set_threads(threads_before);
}

TEST_CASE("cast: every bf16 comes back from f32 as it was; a NaN stays one, what is too large becomes infinite") {
  std::vector<bf16> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<uint16_t>(i);
  const CastDims d{static_cast<int64_t>(all.size())};
  for (const Isa isa : isas_here()) {
    for (const auto& widening : cast_widen_rungs()) {
      if (!serves(widening, d, Device::cpu, isa)) continue;
      std::vector<float> wide(all.size());
      widening.run[static_cast<int>(isa)](d, all.data(), wide.data(), {});
      for (const auto& narrowing : cast_narrow_rungs()) {
        if (!serves(narrowing, d, Device::cpu, isa)) continue;
        std::vector<bf16> back(all.size());
        narrowing.run[static_cast<int>(isa)](d, wide.data(), back.data(), {});
        size_t wrong = 0;
        for (size_t i = 0; i < all.size(); ++i) {
          const bool nan = (i & 0x7fff) > 0x7f80;
          wrong += nan ? !std::isnan(widen(back[i])) : back[i].bits != all[i].bits;
          wrong += std::bit_cast<uint32_t>(wide[i]) != static_cast<uint32_t>(i) << 16;
        }
        INFO(widening.name << ", " << narrowing.name << " " << isa_name(isa));
        CHECK(wrong == 0);
      }
    }
  }
  CHECK(narrow(3.4e38f).bits == 0x7f80);
  CHECK(std::isnan(widen(narrow(std::bit_cast<float>(0x7f800001u)))));
}
