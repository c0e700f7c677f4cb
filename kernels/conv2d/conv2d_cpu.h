// SPDX-License-Identifier: Apache-2.0
// The SIMD rungs of conv2d, once per instruction set, and what they take of shapes and scratch.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace limbic {

// cpu_direct: lanes across output channels (dw: input channels), register tiles of pixels, padded taps skipped.
constexpr int conv2d_max_taps = 32;  // along one side of the filter: the tap tables live on the stack
bool conv2d_supports_cpu_direct(const Conv2dDims&);
size_t conv2d_prepared_cpu_direct(const Conv2dDims&);
size_t conv2d_prepared_cpu_direct_bf16(const Conv2dDims&);
size_t conv2d_fwd_scratch_cpu_direct_bf16(const Conv2dDims&);
size_t conv2d_dx_scratch_cpu_direct(const Conv2dDims&);
size_t conv2d_dw_scratch_cpu_direct(const Conv2dDims&);

LIMBIC_EACH_ISA(void conv2d_prepare_cpu_direct(const Conv2dDims&, const float* w, float* out, StoredAs<float>);
                void conv2d_prepare_cpu_direct(const Conv2dDims&, const float* w, float* out, StoredAs<bf16>);
                Conv2dForward conv2d_fwd_cpu_direct; Conv2dForwardOf<bf16> conv2d_fwd_cpu_direct;
                void conv2d_dx_cpu_direct(const Conv2dDims&, const float* dy, const float* w, float* dx, float* scratch,
                                          Stream);
                void conv2d_dw_cpu_direct(const Conv2dDims&, const float* x, const float* dy, float* dw, float* scratch,
                                          Stream);)

// cpu_winograd: F(4x4, 3x3) or F(3x3, 3x3) for 3x3 filters with stride 1, where maps are wide enough for its tiles; dw
// always by F(4x4, 3x3).
bool conv2d_supports_cpu_winograd(const Conv2dDims&);
size_t conv2d_prepared_cpu_winograd(const Conv2dDims&);
size_t conv2d_fwd_scratch_cpu_winograd(const Conv2dDims&);
size_t conv2d_dx_scratch_cpu_winograd(const Conv2dDims&);
size_t conv2d_dw_scratch_cpu_winograd(const Conv2dDims&);
int conv2d_winograd_out(int P, int Q);                  // side of the tiles of [P,Q] outputs, 3 or 4: fwd, dx
int conv2d_winograd_section(int points, int channels);  // tiles that are transformed at once: fwd, dx
int conv2d_winograd_dw_section(int channels);

LIMBIC_EACH_ISA(void conv2d_prepare_cpu_winograd(const Conv2dDims&, const float* w, float* out, StoredAs<float>);
                void conv2d_prepare_cpu_winograd(const Conv2dDims&, const float* w, float* out, StoredAs<bf16>);
                Conv2dForward conv2d_fwd_cpu_winograd; Conv2dForwardOf<bf16> conv2d_fwd_cpu_winograd;
                void conv2d_dx_cpu_winograd(const Conv2dDims&, const float* dy, const float* w, float* dx,
                                            float* scratch, Stream);
                void conv2d_dw_cpu_winograd(const Conv2dDims&, const float* x, const float* dy, float* dw,
                                            float* scratch, Stream);)

}  // namespace limbic
