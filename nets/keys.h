// SPDX-License-Identifier: Apache-2.0
// The names that tensors go by in files, and the one that a net gives them.
#pragma once
#include <string>
#include <vector>

#include "nets/registry.h"

namespace limbic {

/// One key a tensor: "module.conv_block1.conv1.weight" -> "conv_block1.conv1.weight"; Keras's
/// "model_weights/conv2d_7/conv2d_7/kernel:0" -> "conv2d.kernel" where conv2d_7 is the first of its kind in the file.
/// Empty for what is no weight (an optimiser's state). "base." stays: it tells a transfer net.
std::vector<std::string> published_keys(const std::vector<FileTensor>& tensors);

}  // namespace limbic
