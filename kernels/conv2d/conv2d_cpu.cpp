// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv2d/conv2d_cpu.h"

#include <bit>

namespace limbic {
namespace {

size_t blocks(int channels) { return static_cast<size_t>((channels + 15) / 16); }

}  // namespace

bool conv2d_supports_cpu_direct(const Conv2dDims& d) { return d.R <= conv2d_max_taps && d.S <= conv2d_max_taps; }

// [groups][K/16][R,S][C][16], the last block filled up with zeros
size_t conv2d_prepared_cpu_direct(const Conv2dDims& d) {
  return d.groups * blocks(d.K / d.groups) * 16 * d.R * d.S * (d.C / d.groups);
}

// in bf16
size_t conv2d_prepared_cpu_direct_bf16(const Conv2dDims& d) { return conv2d_prepared_cpu_direct(d) / 2; }

// and x in f32
size_t conv2d_fwd_scratch_cpu_direct_bf16(const Conv2dDims& d) {
  return conv2d_prepared_cpu_direct_bf16(d) + static_cast<size_t>(d.N) * d.H * d.W * d.C;
}

// the same with C and K exchanged
size_t conv2d_dx_scratch_cpu_direct(const Conv2dDims& d) {
  return d.groups * blocks(d.C / d.groups) * 16 * d.R * d.S * (d.K / d.groups);
}

// a zero-padded copy of x, for the thin inputs that are read across padding
size_t conv2d_dw_scratch_cpu_direct(const Conv2dDims& d) {
  const int Cg = d.C / d.groups;
  return Cg >= 16 ? 0 : static_cast<size_t>(d.N) * (d.H + 2 * d.pad_h) * (d.W + 2 * d.pad_w) * d.C;
}

// Narrower maps leave most of a tile empty: there the direct rung, which skips padded taps, does less work.
bool conv2d_supports_cpu_winograd(const Conv2dDims& d) {
  return d.R == 3 && d.S == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 && d.dilation_w == 1 &&
         d.groups == 1 && d.C % 16 == 0 && d.K % 16 == 0 && d.C >= 32 && d.K >= 32 && d.H >= 4 && d.W >= 4 &&
         d.P() >= 4 && d.Q() >= 4;
}

// Fewer products: a 6x6 map is four tiles of 3x3 with 25 each, or four of 4x4 with 36, mostly beyond the border.
int conv2d_winograd_out(int P, int Q) {
  const int64_t threes = int64_t{(P + 2) / 3} * ((Q + 2) / 3), fours = int64_t{(P + 3) / 4} * ((Q + 3) / 4);
  return threes * 25 < fours * 36 ? 3 : 4;
}

// Some 1 MiB, so that a section stays in the core's own cache, but enough tiles to be worth a pass over large filters.
int conv2d_winograd_section(int points, int channels) {
  const int tiles = (1 << 20) / (points * 4 * channels) / 28 * 28;
  return tiles < 56 ? 56 : tiles;
}

// Twice that: each section adds to all [36][K][C] sums. Another number would be another order of summation.
int conv2d_winograd_dw_section(int channels) {
  const int tiles = (2 << 20) / (36 * 4 * channels) / 28 * 28;
  return tiles < 112 ? 112 : tiles;
}

namespace {

int points(int P, int Q) { return conv2d_winograd_out(P, Q) == 3 ? 25 : 36; }

size_t section(int points, int channels, int tiles) { return size_t(points) * tiles * (channels + 16); }

}  // namespace

// [K/16][points][C][16]
size_t conv2d_prepared_cpu_winograd(const Conv2dDims& d) { return size_t(points(d.P(), d.Q())) * d.C * d.K; }

// The section's part is a power of two, so that layers of other widths get the same block again, still in the cache.
size_t conv2d_fwd_scratch_cpu_winograd(const Conv2dDims& d) {
  const int f = points(d.P(), d.Q());
  return conv2d_prepared_cpu_winograd(d) + std::bit_ceil(section(f, d.C, conv2d_winograd_section(f, d.C)));
}

size_t conv2d_dx_scratch_cpu_winograd(const Conv2dDims& d) {
  const int f = points(d.H, d.W);
  return size_t(f) * d.C * d.K + section(f, d.K, conv2d_winograd_section(f, d.K));
}

size_t conv2d_dw_scratch_cpu_winograd(const Conv2dDims& d) {
  const int tiles = conv2d_winograd_dw_section(d.C > d.K ? d.C : d.K);
  return size_t{36} * d.C * d.K + section(36, d.C, tiles) + section(36, d.K, tiles);
}

template <class T>
size_t conv2d_prepared_size(const char* rung, const Conv2dDims& d, StoredAs<T>) {
  if (same_name(rung, "cpu_direct")) {
    return sizeof(T) == sizeof(bf16) ? conv2d_prepared_cpu_direct_bf16(d) : conv2d_prepared_cpu_direct(d);
  }
  return same_name(rung, "cpu_winograd") ? conv2d_prepared_cpu_winograd(d) : 0;
}

template <class T>
void conv2d_prepare(const char* rung, const Conv2dDims& d, const float* w, float* out, StoredAs<T> stored) {
  const bool wide = active_isa() == Isa::avx512, direct = same_name(rung, "cpu_direct");
  if (wide && direct) avx512::conv2d_prepare_cpu_direct(d, w, out, stored);
  if (!wide && direct) avx2::conv2d_prepare_cpu_direct(d, w, out, stored);
  if (!same_name(rung, "cpu_winograd")) return;
  if (wide) avx512::conv2d_prepare_cpu_winograd(d, w, out, stored);
  if (!wide) avx2::conv2d_prepare_cpu_winograd(d, w, out, stored);
}

template size_t conv2d_prepared_size(const char*, const Conv2dDims&, StoredAs<float>);
template size_t conv2d_prepared_size(const char*, const Conv2dDims&, StoredAs<bf16>);
template void conv2d_prepare(const char*, const Conv2dDims&, const float*, float*, StoredAs<float>);
template void conv2d_prepare(const char*, const Conv2dDims&, const float*, float*, StoredAs<bf16>);

}  // namespace limbic
