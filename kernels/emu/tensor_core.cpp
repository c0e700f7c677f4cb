// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/tensor_core.h"

#include <bit>
#include <cmath>

#include "kernels/emu/counters.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/scheduler.h"

namespace limbic::emu {
namespace {

constexpr uint32_t all_lanes = 0xffffffffu, tf32_rest = 0x1fff;

struct Fragments {
  float* d;
  const uint32_t *a, *b;
};
Fragments& of_lane(void* const* arguments, int lane) { return *static_cast<Fragments*>(arguments[lane]); }

/// d += a b, where every lane's part of d is as ptx.h says.
template <int K>
void multiply(void* const* arguments, const double (&a)[16][K], const double (&b)[K][8]) {
  note_tensor_flops(2 * 16 * 8 * K);
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = g + i / 2 * 8, column = 2 * t + i % 2;
      float& d = of_lane(arguments, lane).d[i];
      double sum = d;
      for (int k = 0; k < K; ++k) sum += a[row][k] * b[k][column];
      d = static_cast<float>(sum);
    }
  }
}

void multiply_tf32(void* const* arguments, uint32_t) {
  double a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const Fragments& f = of_lane(arguments, lane);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][t + i / 2 * 4] = std::bit_cast<float>(f.a[i]);
    for (int i = 0; i < 2; ++i) b[t + i * 4][g] = std::bit_cast<float>(f.b[i]);
  }
  multiply(arguments, a, b);
}

float half_of(uint32_t pair, int i) { return std::bit_cast<float>(i ? pair & 0xffff0000u : pair << 16); }

void multiply_bf16(void* const* arguments, uint32_t) {
  double a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const Fragments& f = of_lane(arguments, lane);
    const int g = lane / 4, t = lane % 4;
    for (int j = 0; j < 2; ++j) {
      for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][2 * t + j + i / 2 * 8] = half_of(f.a[i], j);
      for (int i = 0; i < 2; ++i) b[2 * t + j + i * 8][g] = half_of(f.b[i], j);
    }
  }
  multiply(arguments, a, b);
}

struct Rows {
  const uint32_t* row;
  uint32_t* r;
};
Rows& rows_of_lane(void* const* arguments, int lane) { return *static_cast<Rows*>(arguments[lane]); }

template <bool transpose>
void distribute(void* const* arguments, uint32_t) {
  const auto element = [&](int matrix, int row, int column) {
    const uint32_t pair = rows_of_lane(arguments, 8 * matrix + row).row[column / 2];
    return column % 2 ? pair >> 16 : pair & 0xffff;
  };
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int j = 0; j < 4; ++j) {
      const uint32_t low = transpose ? element(j, 2 * t, g) : element(j, g, 2 * t);
      const uint32_t high = transpose ? element(j, 2 * t + 1, g) : element(j, g, 2 * t + 1);
      rows_of_lane(arguments, lane).r[j] = low | high << 16;
    }
  }
}

}  // namespace

uint32_t round_to_tf32(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return 0x7fffe000;
  if (std::isinf(x)) return bits;
  return (bits + 0x1000) & ~tf32_rest;
}

void emulate_mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at) {
  const auto check = [&](uint32_t operand) {
    if (operand & tf32_rest && operand != poison_word)
      throw Error("tf32", "an operand of mma was not rounded by to_tf32()", at);
  };
  for (const uint32_t operand : a) check(operand);
  for (const uint32_t operand : b) check(operand);
  Fragments own{d, a, b};
  warp_collective({.op = "mma.m16n8k8.tf32", .combine = multiply_tf32, .aligned = true}, all_lanes, &own, at);
}

void emulate_mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at) {
  Fragments own{d, a, b};
  warp_collective({.op = "mma.m16n8k16.bf16", .combine = multiply_bf16, .aligned = true}, all_lanes, &own, at);
}

void check_ldmatrix_row(const void* row, Location at) {
  if (!in_shared(row, 16)) throw Error("ldmatrix", "a row is not in this block's shared memory", at);
  if (reinterpret_cast<uintptr_t>(row) % 16)
    throw Error("ldmatrix", "the address of a row is not a multiple of 16", at);
}

void emulate_ldmatrix_x4(uint32_t (&r)[4], const uint32_t (&row)[4], bool transpose, Location at) {
  Rows own{row, r};
  if (transpose) {
    warp_collective({.op = "ldmatrix.x4.trans", .combine = distribute<true>, .aligned = true}, all_lanes, &own, at);
  } else {
    warp_collective({.op = "ldmatrix.x4", .combine = distribute<false>, .aligned = true}, all_lanes, &own, at);
  }
}

}  // namespace limbic::emu
