// SPDX-License-Identifier: Apache-2.0
// Sixteen f32 lanes: one AVX-512 register or two AVX2 registers, the same results in both. Included only by files that
// are compiled per instruction set (`*_cpu_*.cpp`); everything lives in namespace limbic::LIMBIC_ISA. Another machine
// is served by writing the same functions for it: nothing outside this file knows what a register is.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/bf16.h"

#ifndef LIMBIC_ISA
#error "kernels/simd.h: only for files that are compiled once per instruction set (*_cpu_*.cpp)"
#endif

#define LIMBIC_INLINE [[gnu::always_inline]] static inline
// clang-format off
namespace limbic::LIMBIC_ISA {

constexpr int lanes = 16;

#ifdef LIMBIC_ISA_avx512

struct f32x16 { __m512 v; };
struct i32x16 { __m512i v; };
struct mask16 { __mmask16 v; };

LIMBIC_INLINE f32x16 zero() { return {_mm512_setzero_ps()}; }
LIMBIC_INLINE f32x16 broadcast(float x) { return {_mm512_set1_ps(x)}; }
LIMBIC_INLINE i32x16 broadcast_int(int32_t x) { return {_mm512_set1_epi32(x)}; }
LIMBIC_INLINE i32x16 lane_index() { return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}; }
LIMBIC_INLINE f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
LIMBIC_INLINE i32x16 load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
LIMBIC_INLINE void store(float* p, f32x16 a) { _mm512_storeu_ps(p, a.v); }
LIMBIC_INLINE void store(int32_t* p, i32x16 a) { _mm512_storeu_si512(p, a.v); }
LIMBIC_INLINE mask16 first(int n) { return {static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1u << n) - 1)}; }
LIMBIC_INLINE f32x16 load(const float* p, mask16 m) { return {_mm512_maskz_loadu_ps(m.v, p)}; }
LIMBIC_INLINE i32x16 load(const int32_t* p, mask16 m) { return {_mm512_maskz_loadu_epi32(m.v, p)}; }
LIMBIC_INLINE void store(float* p, f32x16 a, mask16 m) { _mm512_mask_storeu_ps(p, m.v, a.v); }
LIMBIC_INLINE void store(int32_t* p, i32x16 a, mask16 m) { _mm512_mask_storeu_epi32(p, m.v, a.v); }
LIMBIC_INLINE f32x16 gather(const float* p, i32x16 index) { return {_mm512_i32gather_ps(index.v, p, 4)}; }
LIMBIC_INLINE i32x16 load(const uint16_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
LIMBIC_INLINE i32x16 load(const uint16_t* p, mask16 m) {
  return {_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m.v, p))};
}
LIMBIC_INLINE void store(uint16_t* p, i32x16 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}
LIMBIC_INLINE void store(uint16_t* p, i32x16 a, mask16 m) {
  _mm256_mask_storeu_epi16(p, m.v, _mm512_cvtepi32_epi16(a.v));
}

LIMBIC_INLINE f32x16 operator+(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 operator-(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 operator*(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 operator/(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
LIMBIC_INLINE f32x16 negative_fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
LIMBIC_INLINE f32x16 sqrt(f32x16 a) { return {_mm512_sqrt_ps(a.v)}; }
LIMBIC_INLINE f32x16 min(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 max(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
LIMBIC_INLINE f32x16 round_to_even(f32x16 a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
LIMBIC_INLINE f32x16 floor(f32x16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

LIMBIC_INLINE mask16 operator<(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
LIMBIC_INLINE mask16 operator<=(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
LIMBIC_INLINE mask16 operator==(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
LIMBIC_INLINE mask16 is_nan(f32x16 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
LIMBIC_INLINE mask16 operator<(i32x16 a, i32x16 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
LIMBIC_INLINE mask16 operator==(i32x16 a, i32x16 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
LIMBIC_INLINE mask16 operator&(mask16 a, mask16 b) { return {static_cast<__mmask16>(a.v & b.v)}; }
LIMBIC_INLINE mask16 operator|(mask16 a, mask16 b) { return {static_cast<__mmask16>(a.v | b.v)}; }
LIMBIC_INLINE mask16 operator~(mask16 a) { return {static_cast<__mmask16>(~a.v)}; }
LIMBIC_INLINE f32x16 select(mask16 m, f32x16 yes, f32x16 no) { return {_mm512_mask_blend_ps(m.v, no.v, yes.v)}; }
LIMBIC_INLINE i32x16 select(mask16 m, i32x16 yes, i32x16 no) { return {_mm512_mask_blend_epi32(m.v, no.v, yes.v)}; }

LIMBIC_INLINE i32x16 operator+(i32x16 a, i32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
LIMBIC_INLINE i32x16 operator-(i32x16 a, i32x16 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
LIMBIC_INLINE i32x16 operator*(i32x16 a, i32x16 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
LIMBIC_INLINE i32x16 operator&(i32x16 a, i32x16 b) { return {_mm512_and_si512(a.v, b.v)}; }
LIMBIC_INLINE i32x16 operator|(i32x16 a, i32x16 b) { return {_mm512_or_si512(a.v, b.v)}; }
LIMBIC_INLINE i32x16 operator^(i32x16 a, i32x16 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_left(i32x16 a) { return {_mm512_slli_epi32(a.v, bits)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_right(i32x16 a) { return {_mm512_srli_epi32(a.v, bits)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_right_signed(i32x16 a) { return {_mm512_srai_epi32(a.v, bits)}; }
LIMBIC_INLINE i32x16 to_int(f32x16 a) { return {_mm512_cvtps_epi32(a.v)}; }
LIMBIC_INLINE f32x16 to_float(i32x16 a) { return {_mm512_cvtepi32_ps(a.v)}; }
LIMBIC_INLINE i32x16 bits_of(f32x16 a) { return {_mm512_castps_si512(a.v)}; }
LIMBIC_INLINE f32x16 from_bits(i32x16 a) { return {_mm512_castsi512_ps(a.v)}; }

struct Halves { __m256 low, high; };
LIMBIC_INLINE Halves halves(f32x16 a) { return {_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1)}; }

#else

struct f32x16 { __m256 v, w; };   // lanes 0..7, 8..15
struct i32x16 { __m256i v, w; };
struct mask16 { __m256 v, w; };   // all bits of a lane set, or none

LIMBIC_INLINE f32x16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
LIMBIC_INLINE f32x16 broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
LIMBIC_INLINE i32x16 broadcast_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
LIMBIC_INLINE i32x16 lane_index() {
  return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)};
}
LIMBIC_INLINE f32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
LIMBIC_INLINE i32x16 load(const int32_t* p) {
  const auto* q = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
LIMBIC_INLINE void store(float* p, f32x16 a) { _mm256_storeu_ps(p, a.v), _mm256_storeu_ps(p + 8, a.w); }
LIMBIC_INLINE void store(int32_t* p, i32x16 a) {
  auto* q = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(q, a.v), _mm256_storeu_si256(q + 1, a.w);
}
LIMBIC_INLINE mask16 first(int n) {
  const i32x16 i = lane_index();
  const __m256i limit = _mm256_set1_epi32(n);
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, i.v)), _mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, i.w))};
}
LIMBIC_INLINE f32x16 load(const float* p, mask16 m) {
  return {_mm256_maskload_ps(p, _mm256_castps_si256(m.v)), _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.w))};
}
LIMBIC_INLINE i32x16 load(const int32_t* p, mask16 m) {
  return {_mm256_maskload_epi32(p, _mm256_castps_si256(m.v)), _mm256_maskload_epi32(p + 8, _mm256_castps_si256(m.w))};
}
LIMBIC_INLINE void store(float* p, f32x16 a, mask16 m) {
  _mm256_maskstore_ps(p, _mm256_castps_si256(m.v), a.v), _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.w), a.w);
}
LIMBIC_INLINE void store(int32_t* p, i32x16 a, mask16 m) {
  _mm256_maskstore_epi32(p, _mm256_castps_si256(m.v), a.v);
  _mm256_maskstore_epi32(p + 8, _mm256_castps_si256(m.w), a.w);
}
LIMBIC_INLINE f32x16 gather(const float* p, i32x16 index) {
  return {_mm256_i32gather_ps(p, index.v, 4), _mm256_i32gather_ps(p, index.w, 4)};
}
LIMBIC_INLINE i32x16 load(const uint16_t* p) {
  const auto* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(q)), _mm256_cvtepu16_epi32(_mm_loadu_si128(q + 1))};
}
LIMBIC_INLINE void store(uint16_t* p, i32x16 a) {  // packing goes by halves of a register
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(_mm256_packus_epi32(a.v, a.w), 0xD8));
}
LIMBIC_INLINE i32x16 load(const uint16_t* p, mask16 m) {  // AVX2 masks no 16-bit lanes: one after the other
  const int wanted = _mm256_movemask_ps(m.v) | _mm256_movemask_ps(m.w) << 8;
  uint16_t lane[16] = {};
  for (int i = 0; i < 16; ++i)
    if (wanted >> i & 1) lane[i] = p[i];
  return load(lane);
}
LIMBIC_INLINE void store(uint16_t* p, i32x16 a, mask16 m) {
  const int wanted = _mm256_movemask_ps(m.v) | _mm256_movemask_ps(m.w) << 8;
  uint16_t lane[16];
  store(lane, a);
  for (int i = 0; i < 16; ++i)
    if (wanted >> i & 1) p[i] = lane[i];
}

LIMBIC_INLINE f32x16 operator+(f32x16 a, f32x16 b) { return {_mm256_add_ps(a.v, b.v), _mm256_add_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 operator-(f32x16 a, f32x16 b) { return {_mm256_sub_ps(a.v, b.v), _mm256_sub_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 operator*(f32x16 a, f32x16 b) { return {_mm256_mul_ps(a.v, b.v), _mm256_mul_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 operator/(f32x16 a, f32x16 b) { return {_mm256_div_ps(a.v, b.v), _mm256_div_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v), _mm256_fmadd_ps(a.w, b.w, c.w)};
}
LIMBIC_INLINE f32x16 negative_fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fnmadd_ps(a.v, b.v, c.v), _mm256_fnmadd_ps(a.w, b.w, c.w)};
}
LIMBIC_INLINE f32x16 sqrt(f32x16 a) { return {_mm256_sqrt_ps(a.v), _mm256_sqrt_ps(a.w)}; }
LIMBIC_INLINE f32x16 min(f32x16 a, f32x16 b) { return {_mm256_min_ps(a.v, b.v), _mm256_min_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 max(f32x16 a, f32x16 b) { return {_mm256_max_ps(a.v, b.v), _mm256_max_ps(a.w, b.w)}; }
LIMBIC_INLINE f32x16 round_to_even(f32x16 a) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.v, mode), _mm256_round_ps(a.w, mode)};
}
LIMBIC_INLINE f32x16 floor(f32x16 a) { return {_mm256_floor_ps(a.v), _mm256_floor_ps(a.w)}; }

LIMBIC_INLINE mask16 operator<(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ), _mm256_cmp_ps(a.w, b.w, _CMP_LT_OQ)};
}
LIMBIC_INLINE mask16 operator<=(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ), _mm256_cmp_ps(a.w, b.w, _CMP_LE_OQ)};
}
LIMBIC_INLINE mask16 operator==(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ), _mm256_cmp_ps(a.w, b.w, _CMP_EQ_OQ)};
}
LIMBIC_INLINE mask16 is_nan(f32x16 a) {
  return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q), _mm256_cmp_ps(a.w, a.w, _CMP_UNORD_Q)};
}
LIMBIC_INLINE mask16 operator<(i32x16 a, i32x16 b) {
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v)), _mm256_castsi256_ps(_mm256_cmpgt_epi32(b.w, a.w))};
}
LIMBIC_INLINE mask16 operator==(i32x16 a, i32x16 b) {
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v)), _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.w, b.w))};
}
LIMBIC_INLINE mask16 operator&(mask16 a, mask16 b) { return {_mm256_and_ps(a.v, b.v), _mm256_and_ps(a.w, b.w)}; }
LIMBIC_INLINE mask16 operator|(mask16 a, mask16 b) { return {_mm256_or_ps(a.v, b.v), _mm256_or_ps(a.w, b.w)}; }
LIMBIC_INLINE mask16 operator~(mask16 a) {
  const __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(a.v, ones), _mm256_xor_ps(a.w, ones)};
}
LIMBIC_INLINE f32x16 select(mask16 m, f32x16 yes, f32x16 no) {
  return {_mm256_blendv_ps(no.v, yes.v, m.v), _mm256_blendv_ps(no.w, yes.w, m.w)};
}
LIMBIC_INLINE i32x16 select(mask16 m, i32x16 yes, i32x16 no) {
  return {_mm256_blendv_epi8(no.v, yes.v, _mm256_castps_si256(m.v)),
          _mm256_blendv_epi8(no.w, yes.w, _mm256_castps_si256(m.w))};
}

LIMBIC_INLINE i32x16 operator+(i32x16 a, i32x16 b) { return {_mm256_add_epi32(a.v, b.v), _mm256_add_epi32(a.w, b.w)}; }
LIMBIC_INLINE i32x16 operator-(i32x16 a, i32x16 b) { return {_mm256_sub_epi32(a.v, b.v), _mm256_sub_epi32(a.w, b.w)}; }
LIMBIC_INLINE i32x16 operator*(i32x16 a, i32x16 b) {
  return {_mm256_mullo_epi32(a.v, b.v), _mm256_mullo_epi32(a.w, b.w)};
}
LIMBIC_INLINE i32x16 operator&(i32x16 a, i32x16 b) { return {_mm256_and_si256(a.v, b.v), _mm256_and_si256(a.w, b.w)}; }
LIMBIC_INLINE i32x16 operator|(i32x16 a, i32x16 b) { return {_mm256_or_si256(a.v, b.v), _mm256_or_si256(a.w, b.w)}; }
LIMBIC_INLINE i32x16 operator^(i32x16 a, i32x16 b) { return {_mm256_xor_si256(a.v, b.v), _mm256_xor_si256(a.w, b.w)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_left(i32x16 a) { return {_mm256_slli_epi32(a.v, bits), _mm256_slli_epi32(a.w, bits)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_right(i32x16 a) { return {_mm256_srli_epi32(a.v, bits), _mm256_srli_epi32(a.w, bits)}; }
template <int bits>
LIMBIC_INLINE i32x16 shift_right_signed(i32x16 a) {
  return {_mm256_srai_epi32(a.v, bits), _mm256_srai_epi32(a.w, bits)};
}
LIMBIC_INLINE i32x16 to_int(f32x16 a) { return {_mm256_cvtps_epi32(a.v), _mm256_cvtps_epi32(a.w)}; }
LIMBIC_INLINE f32x16 to_float(i32x16 a) { return {_mm256_cvtepi32_ps(a.v), _mm256_cvtepi32_ps(a.w)}; }
LIMBIC_INLINE i32x16 bits_of(f32x16 a) { return {_mm256_castps_si256(a.v), _mm256_castps_si256(a.w)}; }
LIMBIC_INLINE f32x16 from_bits(i32x16 a) { return {_mm256_castsi256_ps(a.v), _mm256_castsi256_ps(a.w)}; }

struct Halves { __m256 low, high; };
LIMBIC_INLINE Halves halves(f32x16 a) { return {a.v, a.w}; }

#endif

// What the names promise, on every machine:
// - min(a, b), max(a, b): b where either is NaN, so max(zero, x) keeps a NaN in x and max(x, zero) drops it.
// - to_int, round_to_even: ties to even. to_int outside int32 is INT32_MIN.
// - 16-bit numbers fill the lower halves of lanes, and are taken from there.
// - load(p, mask): lanes outside the mask are 0 and their memory is not touched; store(p, a, mask) leaves it alone.
// - select(mask, yes, no), comparisons with NaN are false.

/// The first n (0..16) floats at p, zeros behind.
LIMBIC_INLINE f32x16 load_first(const float* p, int n) { return load(p, first(n)); }
LIMBIC_INLINE void store_first(float* p, f32x16 a, int n) { store(p, a, first(n)); }

LIMBIC_INLINE f32x16 operator-(f32x16 a) { return from_bits(bits_of(a) ^ broadcast_int(INT32_MIN)); }
LIMBIC_INLINE f32x16 abs(f32x16 a) { return from_bits(bits_of(a) & broadcast_int(INT32_MAX)); }
LIMBIC_INLINE mask16 operator>(f32x16 a, f32x16 b) { return b < a; }
LIMBIC_INLINE mask16 operator>=(f32x16 a, f32x16 b) { return b <= a; }
LIMBIC_INLINE mask16 operator>(i32x16 a, i32x16 b) { return b < a; }

/// To and from bf16, as widen() and narrow() do.
LIMBIC_INLINE f32x16 load(const bf16* p) { return from_bits(shift_left<16>(load(&p->bits))); }
LIMBIC_INLINE f32x16 load(const bf16* p, mask16 m) { return from_bits(shift_left<16>(load(&p->bits, m))); }
LIMBIC_INLINE i32x16 bf16_bits(f32x16 a) {
  const i32x16 bits = bits_of(a), high = shift_right<16>(bits);
  const i32x16 nearest = shift_right<16>(bits + broadcast_int(0x7fff) + (high & broadcast_int(1)));
  return select(is_nan(a), high | broadcast_int(0x40), nearest);
}
LIMBIC_INLINE void store(bf16* p, f32x16 a) { store(&p->bits, bf16_bits(a)); }
LIMBIC_INLINE void store(bf16* p, f32x16 a, mask16 m) { store(&p->bits, bf16_bits(a), m); }

/// 2^n for whole n in [-126, 127].
LIMBIC_INLINE f32x16 power_of_two(i32x16 n) { return from_bits(shift_left<23>(n + broadcast_int(127))); }

/// Sum of the 16 lanes by a fixed tree: lane i + lane i+8, then i+4, i+2, i+1.
LIMBIC_INLINE float sum(f32x16 a) {
  const Halves h = halves(a);
  const __m256 s8 = _mm256_add_ps(h.low, h.high);
  __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
  s4 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
  return _mm_cvtss_f32(_mm_add_ss(s4, _mm_movehdup_ps(s4)));
}

/// Largest lane (NaN only if it survives every max of the tree; check is_nan first where that matters).
LIMBIC_INLINE float max_lane(f32x16 a) {
  const Halves h = halves(a);
  const __m256 m8 = _mm256_max_ps(h.low, h.high);
  __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
  m4 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
  return _mm_cvtss_f32(_mm_max_ss(m4, _mm_movehdup_ps(m4)));
}

/// to[c*to_stride + r] = from[r*from_stride + c] for 16 rows and 16 columns.
LIMBIC_INLINE void transpose_16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int r = 0; r < 16; r += 8)
    for (int c = 0; c < 16; c += 8) {
      __m256 row[8], pair[8], quad[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) row[i] = _mm256_loadu_ps(from + (r + i) * from_stride + c);
#pragma GCC unroll 4
      for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
      }
#pragma GCC unroll 2
      for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xEE);
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xEE);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        _mm256_storeu_ps(to + (c + i) * to_stride + r, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20));
        _mm256_storeu_ps(to + (c + i + 4) * to_stride + r, _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31));
      }
    }
}

/// To what a bf16 holds.
LIMBIC_INLINE f32x16 rounded_to_bf16(f32x16 a) { return from_bits(shift_left<16>(bf16_bits(a))); }

/// One scalar fused multiply-add, for the odd element beside the lanes.
LIMBIC_INLINE float fma1(float a, float b, float c) {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

/// Asks the cache for the line at p; only a hint.
LIMBIC_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace limbic::LIMBIC_ISA
