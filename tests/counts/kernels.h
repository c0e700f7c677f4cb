// SPDX-License-Identifier: Apache-2.0
// Small kernels whose counts are known by hand (kernels.cu).
#pragma once

namespace limbic::emu {

void coalesced_copy(int n, const float* x, float* y);                    ///< y[i] = x[i]
void strided_copy(int n, int stride, const float* x, float* y);          ///< y[i] = x[stride * i]
void vector_copy(int n, const float* x, float* y);                       ///< four floats a thread at once
void column_read(int pitch, float* y);                                   ///< a warp reads a column of a shared tile
void add_or_double(int n, const float* x, float* y);                     ///< odd lanes double, even ones add 1 and 2
void loop_of_lane_length(float* y);                                      ///< lane l goes round l + 1 times
void multiply_add(int n, int times, float a, const float* x, float* y);  ///< y = x, then y = a * y + x `times` times
void sum_by_shuffles(const float* x, float* y);                          ///< a warp's sum
void copy_by_cp_async(const float* x, float* y);                         ///< 16 bytes a lane through shared memory
void one_tensor_product(float* y);                                       ///< two mma of m16n8k8
void count_lanes(unsigned* total);                                       ///< every lane adds 1 to one word

}  // namespace limbic::emu
