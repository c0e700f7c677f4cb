// SPDX-License-Identifier: Apache-2.0
// What the warp-wide matrix instructions mean (PTX ISA, "Matrix Fragments for mma.m16n8k8", "ldmatrix"). ptx.h
// describes each. Products and sums are exact to f64, then rounded to f32 once.
#pragma once
#include <cstdint>

#include "kernels/emu/error.h"

namespace limbic::emu {

uint32_t round_to_tf32(float x);

void emulate_mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at);
void emulate_mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at);

/// Throws Error unless `row` is 16 bytes of this block's shared memory, aligned to 16.
void check_ldmatrix_row(const void* row, Location at);
void emulate_ldmatrix_x4(uint32_t (&r)[4], const uint32_t (&row)[4], bool transpose, Location at);

}  // namespace limbic::emu
