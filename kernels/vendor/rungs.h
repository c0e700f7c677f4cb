// SPDX-License-Identifier: Apache-2.0
// The files of the module: each fills in its op's rungs.
#pragma once
#include "kernels/vendor/vendor.h"

namespace limbic::vendor {

void add_conv2d(VendorKernels&);
void add_matmul(VendorKernels&);
void add_batch_norm(VendorKernels&);
void add_pool2d(VendorKernels&);
void add_lstm(VendorKernels&);
void add_grid_sample(VendorKernels&);
void add_softmax(VendorKernels&);

}  // namespace limbic::vendor
